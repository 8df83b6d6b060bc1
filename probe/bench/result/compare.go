package result

// Compared is how two models of a run differ, figure by figure, A - B.
type Compared struct {
	A     string        `json:"a"`
	B     string        `json:"b"`
	Tests []*ComparedOn `json:"tests"`
}

// ComparedOn are the differences on one test set. The p-values of the corruptions are
// adjusted for how many there are.
type ComparedOn struct {
	Test        string                 `json:"test"`
	N           int                    `json:"n"`
	Clean       *Difference            `json:"clean"`
	Corruptions map[string]*Difference `json:"corruptions"` // means over the severities that were run
	// MOA and MCE are nil unless the suite was run whole, MCE without a reference too.
	MOA *Difference `json:"moa"`
	MCE *Difference `json:"mce"`
}
