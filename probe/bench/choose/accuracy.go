package choose

func init() {
	register(Rule{
		Name: "accuracy", Doc: "highest clean validation accuracy; ties go to the smaller alpha",
		best: func(list []Candidate, _ float64) int { return mostAccurate(list) },
	})
}

// mostAccurate returns the index of the highest clean accuracy, the first of equals.
func mostAccurate(list []Candidate) int {
	best := 0
	for i := range list {
		if list[i].OA > list[best].OA {
			best = i
		}
	}
	return best
}
