package metric

import "slices"

// Reference is the accuracy of the classifier that a suite's corruption errors are
// measured against.
type Reference struct {
	Name        string // for results and tables: "DGCNN on ModelNet-C"
	Title       string // the suite as its authors call it: "ModelNet-C"
	Suite       string // registered name of the corruption suite
	Source      string // where the figures were published
	Clean       float64
	Corruptions []string // in the suite's own order, in which means are summed
	OA          map[string]float64
}

// references holds the published tables. Adding one is adding an entry.
var references = []Reference{{
	Name:   "DGCNN on ModelNet-C",
	Title:  "ModelNet-C",
	Suite:  "modelnet-c",
	Source: "Ren, Pan, Liu: Benchmarking and Analyzing Point Cloud Classification under Corruptions, ICML 2022",
	Clean:  0.926,
	Corruptions: []string{
		"scale", "jitter", "rotate", "dropout_global", "dropout_local", "add_global", "add_local",
	},
	OA: map[string]float64{
		"scale": 0.906, "jitter": 0.684, "rotate": 0.785, "dropout_global": 0.752,
		"dropout_local": 0.793, "add_global": 0.705, "add_local": 0.725,
	},
}}

// LookupReference returns the reference of a corruption suite.
func LookupReference(suite string) (Reference, bool) {
	i := slices.IndexFunc(references, func(r Reference) bool { return r.Suite == suite })
	if i < 0 {
		return Reference{}, false
	}
	return references[i], true
}
