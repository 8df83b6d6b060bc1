package choose

import "math/big"

func init() {
	register(Rule{
		Name: "robustness",
		Doc: "highest validation accuracy under corruption among those that lose at most %g points of clean validation " +
			"accuracy; ties go to the smaller alpha",
		robust: true, best: mostRobust,
	})
}

// mostRobust returns the index of the highest accuracy under corruption among the candidates that lose at most points
// of clean accuracy, exactly.
func mostRobust(list []Candidate, points float64) int {
	least := new(big.Rat).Sub(list[highest(list, clean)].exact(clean), asRatio(points))
	var allowed []int
	var those []Candidate
	for i, c := range list {
		if c.exact(clean).Cmp(least) >= 0 {
			allowed, those = append(allowed, i), append(those, c)
		}
	}
	return allowed[highest(those, corrupted)]
}
