package choose

import "github.com/wiseft/wiseft/probe/metric"

func init() {
	register(Rule{
		Name: "knee",
		Doc: "knee of the Pareto set of clean validation accuracy and validation accuracy under corruption, or where there " +
			"is none the highest clean validation accuracy",
		robust: true, best: knee,
	})
}

// knee returns the index of the knee of the Pareto set.
func knee(list []Candidate, _ float64) int {
	var clean, robust []float64
	for _, v := range list {
		clean, robust = append(clean, v.OA), append(robust, v.Robust)
	}
	if i, ok := metric.Knee(clean, robust); ok {
		return i
	}
	return mostAccurate(list)
}
