// Package choose has the rules by which one of several mixes is chosen on validation data, and the greedy rule by which
// the models of a soup are chosen. It works on figures and indices, not on models.
//
// Every score of a soup is the validation accuracy of a probe that was fitted from a start of zeros, so that it depends
// on the model alone. Ties are taken as in the paper, or not (Strict) as in its code.
package choose

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
)

// Choice is the rule by which one of several mixes is chosen. Its JSON is part of run folders and of a plan's ID.
type Choice struct {
	Rule string `json:"rule"` // a registered name; "" = DefaultRule
	// Points is how much clean accuracy the rule "robustness" may lose, as a share: 0.01 is one point.
	Points float64 `json:"points,omitempty"`
	// OnTest makes the choice by test data. The figures of the chosen mix are then optimistic, and every result has a
	// note.
	OnTest bool `json:"on_test,omitempty"`
}

// Rule chooses a mix by its figures on validation data. A rule is added by one file that registers it.
type Rule struct {
	Name string
	Doc  string // one line; %g stands for 100 * Choice.Points
	// robust is set if the rule uses accuracy on corrupted data.
	robust bool
	// best returns the index of the chosen mix. Candidates come in the order of their parameters; of equal ones the
	// first is chosen.
	best func(list []Candidate, points float64) int
}

// Candidate is a model with its figures on validation data.
type Candidate struct {
	Params []float64 // of the mix, such as alpha; none if the model is not a mix
	OA     float64   // clean accuracy; NaN = unknown
	Robust float64   // mean accuracy over the corruptions of the validation data; NaN = unknown
}

// rules are all rules by name.
var rules = registry.New[Rule]("rule")

// DefaultRule is the rule of the zero Choice.
const DefaultRule = "accuracy"

func register(r Rule) {
	if r.Doc == "" || r.best == nil {
		panic("choose: a rule without a text or a function")
	}
	rules.Register(r.Name, r)
}

// Rules returns all rules, sorted by name.
func Rules() []Rule { return rules.All() }

// WithDefaults returns c with its rule set.
func (c Choice) WithDefaults() Choice {
	c.Rule = cmp.Or(c.Rule, DefaultRule)
	return c
}

// rule returns the rule. Check must have accepted c.
func (c Choice) rule() Rule {
	r, err := rules.Lookup(cmp.Or(c.Rule, DefaultRule))
	if err != nil {
		panic("choose: choice was not checked")
	}
	return r
}

// Check returns an error if the rule does not exist or Points is out of range.
func (c Choice) Check() error {
	if _, err := rules.Lookup(cmp.Or(c.Rule, DefaultRule)); err != nil {
		return err
	}
	if !(c.Points >= 0 && c.Points < 1) {
		return fault.Usagef("the rule %s allows a loss of %g points, want 0 to 100", c.Rule, 100*c.Points)
	}
	return nil
}

// Robust reports whether the rule uses accuracy on corrupted data.
func (c Choice) Robust() bool { return c.rule().robust }

// NeedsCells reports whether validation data has to be corrupted.
func (c Choice) NeedsCells() bool { return c.Robust() && !c.OnTest }

// Best returns the index of the mix that the rule chooses, among the candidates that are mixes and have a clean
// accuracy. It returns -1 if there are none.
func (c Choice) Best(list []Candidate) int {
	var mixes []int
	for i, v := range list {
		if len(v.Params) > 0 && !math.IsNaN(v.OA) && !math.IsInf(v.OA, 0) {
			mixes = append(mixes, i)
		}
	}
	if len(mixes) == 0 {
		return -1
	}
	slices.SortStableFunc(mixes, func(a, b int) int { return slices.Compare(list[a].Params, list[b].Params) })
	sorted := make([]Candidate, len(mixes))
	for k, i := range mixes {
		sorted[k] = list[i]
	}
	return mixes[c.rule().best(sorted, c.Points)]
}

// Doc describes the choice in one line.
func (c Choice) Doc() string {
	rule := c.rule()
	doc := rule.Doc
	if strings.Contains(doc, "%g") {
		doc = fmt.Sprintf(doc, 100*c.Points)
	}
	if c.OnTest {
		doc += " (of TEST data)"
	}
	return doc
}
