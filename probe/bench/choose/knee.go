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
	var oa, robust []float64
	for _, v := range list {
		oa, robust = append(oa, v.OA()), append(robust, v.Robustness())
	}
	if i, ok := metric.Knee(oa, robust); ok {
		return i
	}
	return highest(list, clean)
}
