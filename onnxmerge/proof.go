package onnxmerge

import "fmt"

// ProofVerdict is what a proof by running has shown.
type ProofVerdict string

// The verdicts of a proof.
const (
	Proved      ProofVerdict = "proved"
	Disproved   ProofVerdict = "disproved"    // the values differ, and nothing but a wrong pair explains it
	NotProvable ProofVerdict = "not-provable" // the values cannot be compared, or something else explains the difference
)

// Proof is the result of running the written graph with the weights of another model; see [Swap].
type Proof struct {
	Model   string       `json:"model,omitempty"` // whose weights were used, where there are several
	Verdict ProofVerdict `json:"verdict"`
	Reason  string       `json:"reason"`
	// Tensor is the last value that is equal, or of a disproved pairing the first that differs; MaxDifference and Relative
	// are its largest difference, absolute and relative to the largest magnitude in the other model.
	Tensor        string       `json:"tensor"`
	Inputs        []ProofInput `json:"inputs"`
	MaxDifference *float64     `json:"max_difference"`
	Relative      *float64     `json:"relative"`
	// Samples is the share of the samples that agree, where an operator that selects or rounds made others differ; nil for
	// all.
	Samples *float64 `json:"samples_agree,omitempty"`
	// Unproven are merged weights that no equal value depends on.
	Unproven []string `json:"unproven"`
}

// String returns the proof in one line.
func (p Proof) String() string {
	text := string(p.Verdict) + ": " + p.Reason
	if p.Model != "" {
		text += fmt.Sprintf(" (%s)", p.Model)
	}
	if p.Relative != nil {
		text += fmt.Sprintf("; largest relative difference of %q %.1e", p.Tensor, *p.Relative)
	}
	if p.Samples != nil {
		text += fmt.Sprintf(" in the %.0f %% of the samples that agree", 100**p.Samples)
	}
	if n := len(p.Unproven); n > 0 {
		text += fmt.Sprintf("; %d weights are unproven: %s", n, shortList(p.Unproven))
	}
	return text
}

// ProofInput is an input of a proof.
type ProofInput struct {
	Name   string  `json:"name"`
	DType  string  `json:"dtype"`
	Shape  []int64 `json:"shape"`
	Values string  `json:"values"` // "random", "ids below 30522", "ones", or the data's path
}
