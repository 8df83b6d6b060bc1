package result

// Compared has the differences of two models of a run, figure by figure, A - B.
type Compared struct {
	A     string        `json:"a"`
	B     string        `json:"b"`
	Tests []*ComparedOn `json:"tests"`
}

// ComparedOn has the differences on one test set. The p-values of the corruptions are adjusted for their number.
type ComparedOn struct {
	Test        string                 `json:"test"`
	N           int                    `json:"n"`
	Clean       *Difference            `json:"clean"`
	Corruptions map[string]*Difference `json:"corruptions"` // means over the severities that were run
	// MOA and MCE are nil unless the suite was run whole, MCE without a reference too.
	MOA *Difference `json:"moa"`
	// Scores is set if all are differences of scores, CorruptedScore of the mean over all conditions.
	Scores         bool        `json:"scores,omitempty"`
	CorruptedScore *Difference `json:"corrupted_score,omitempty"`
	MCE            *Difference `json:"mce"`
}
