package choose

func init() {
	register(Rule{
		Name: "one-standard-error",
		Doc: "the middle one of those whose clean validation accuracy is within one standard error of the highest, " +
			"by paired differences",
		best: func(list []Candidate, _ float64) int { return middleOfBest(list) },
	})
}

// middleOfBest returns the middle of the candidates that are within one standard error of the most accurate one, and of
// two middle ones the first (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3, with the
// standard error of the paired difference instead of that of one accuracy: the candidates answer the same samples, and
// their differences vary much less).
func middleOfBest(list []Candidate) int {
	best := list[highest(list, clean)]
	var near []int
	for i, c := range list {
		if loss, deviation := paired(best, c, clean); loss <= deviation {
			near = append(near, i)
		}
	}
	return near[(len(near)-1)/2]
}
