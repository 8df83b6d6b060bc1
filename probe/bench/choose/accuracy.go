package choose

func init() {
	register(Rule{
		Name: "accuracy", Doc: "highest clean validation accuracy; ties go to the smaller alpha",
		best: func(list []Candidate, _ float64) int { return highest(list, clean) },
	})
}
