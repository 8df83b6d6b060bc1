package choose

func init() {
	register(Rule{
		Name: "robustness",
		Doc: "highest validation accuracy under corruption among those that lose at most %g points of clean validation " +
			"accuracy; ties go to the smaller alpha",
		robust: true, best: mostRobust,
	})
}

// mostRobust returns the index of the highest accuracy under corruption among the candidates that lose at most points
// of clean accuracy.
func mostRobust(list []Candidate, points float64) int {
	clean := list[mostAccurate(list)].OA
	best := -1
	for i, v := range list {
		if v.OA < clean-points {
			continue
		}
		if best < 0 || v.Robust > list[best].Robust {
			best = i
		}
	}
	return best
}
