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
	MCE *Difference `json:"mce"`
}
