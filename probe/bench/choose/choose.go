// Package choose has the rules by which one of several mixes is chosen on validation data, and the greedy rule by which
// the models of a soup are chosen. It works on answers and indices, not on models.
//
// # Default rule
//
// Validation data is small, and many mixes have the same clean accuracy within its error: the highest is the highest by
// chance, and often next to the fine-tuned model, which is the least robust. So with corruptions the default is the
// rule "robustness" with a loss of at most one point, on validation data of the severities [DefaultSeverities], and
// without them "one-standard-error".
//
// Expected test figures of the rules, clean accuracy and mOA in percent: means over 2,000 draws in which 40 % of a
// run's test samples validate and the others test, by "go run ./scripts/bench/rules RUN…", which also prints the
// figures of every single alpha.
//
//	                                        fgsm           late           pointssl       demo
//	highest clean accuracy                  89.12  81.17   90.43  82.88   81.26  66.46   92.09  81.23
//	one standard error                      89.47  81.23   90.55  82.90   80.41  65.67   92.15  81.25
//	robustness, loss 1, severity 3          89.49  81.27   90.39  83.06   81.80  66.83   91.57  81.51
//	robustness, loss 1, severities 1, 3, 5  89.51  81.31   90.49  83.11   81.80  66.83   91.60  81.56
//	robustness, loss 1, all severities      89.44  81.28   90.36  83.10   81.77  66.80   91.54  81.56
//	robustness, no limit, severity 3        89.67  81.26   90.34  83.15   82.33  67.13   90.94  81.37
//	the fine-tuned end                      89.21  81.18   90.33  83.32   82.42  67.20   90.80  77.70
//
// The default has the highest mOA of the first three rules on all four pairs, 0.1 to 0.4 points above the highest
// clean accuracy's, and changes clean accuracy by -0.5 to +0.5 points. More severities add 0.05 points at most: one
// suffices. Without a limit of the loss, more clean accuracy is lost where the most robust mix is far from the most
// accurate one (demo). Where no mix is more robust than the fine-tuned end (late, pointssl), every rule loses a little
// of its mOA to chance.
//
// The pairs are runs of "wiseft sweep" on two PointNets trained in two ways (3dcertify's natural and fgsm, whose own
// heads are not linearly connected) and on two points of one training (early and late), with 454 test clouds of
// ModelNet10 each; on PointSSL before and after fine-tuning, with 227 of them and alphas 0, 0.5 and 1; and on the
// demo's pair, with its development scans.
//
// # Soups
//
// Every score of a soup is the validation accuracy of a probe that was fitted from a start of zeros, so that it depends
// on the model alone. Ties are taken as in the paper, or not (Strict) as in its code.
package choose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
	"github.com/wiseft/wiseft/probe/metric"
)

// Choice is the rule by which one of several mixes is chosen. Its JSON is part of run folders and of a plan's ID.
type Choice struct {
	Rule string `json:"rule"` // a registered name; "" = as [Choice.WithDefaults] sets it
	// Points is how much clean accuracy the rule "robustness" may lose, as a share: 0.01 is one point.
	Points float64 `json:"points,omitempty"`
	// Severities are those of corrupted validation data; nil = those of test data.
	Severities []int `json:"severities,omitempty"`
	// Val is the name of the validation set that chooses; "" = the mean of all.
	Val string `json:"val,omitempty"`
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

// rules are all rules by name.
var rules = registry.New[Rule]("rule")

// The rules of the zero Choice, with and without corruptions.
const (
	DefaultRule      = "robustness"
	DefaultCleanRule = "one-standard-error"
)

// DefaultPoints is the loss of clean accuracy that the default rule allows.
const DefaultPoints = 0.01

// DefaultSeverities are the severities of corrupted validation data, unless others are named.
var DefaultSeverities = []int{3}

func register(r Rule) {
	if r.Doc == "" || r.best == nil {
		panic("choose: a rule without a text or a function")
	}
	rules.Register(r.Name, r)
}

// Rules returns all rules, sorted by name.
func Rules() []Rule { return rules.All() }

// WithDefaults returns c with its rule set. corrupted says whether the run has corruptions.
func (c Choice) WithDefaults(corrupted bool) Choice {
	switch {
	case c.Rule != "":
	case corrupted:
		c.Rule, c.Points = DefaultRule, cmp.Or(c.Points, DefaultPoints)
	default:
		c.Rule = DefaultCleanRule
	}
	if r, err := rules.Lookup(c.Rule); err == nil && r.robust && !c.OnTest && c.Severities == nil {
		c.Severities = DefaultSeverities
	}
	return c
}

// rule returns the rule. Check must have accepted c, and WithDefaults have set it.
func (c Choice) rule() Rule {
	r, err := rules.Lookup(c.Rule)
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
	for _, s := range c.Severities {
		if s < 1 || s > metric.Severities {
			return fault.Usagef("there is no severity %d", s)
		}
	}
	return nil
}

// Robust reports whether the rule uses accuracy on corrupted data.
func (c Choice) Robust() bool { return c.rule().robust }

// NeedsCells reports whether validation data has to be corrupted.
func (c Choice) NeedsCells() bool { return c.Robust() && !c.OnTest }

// Best returns the index of the mix that the rule chooses, among the candidates that are mixes and have answers. It
// returns -1 if there are none.
func (c Choice) Best(list []Candidate) int {
	mixes := mixesOf(list)
	if len(mixes) == 0 {
		return -1
	}
	sorted := make([]Candidate, len(mixes))
	for k, i := range mixes {
		sorted[k] = list[i]
	}
	return mixes[c.rule().best(sorted, c.Points)]
}

// Indistinguishable returns the indices of the other mixes whose figures do not differ measurably from those of the
// mix best: the paired 95 % interval of the difference has 0 in it, of clean accuracy and, if the rule uses it, of
// accuracy under corruption. Without the parts of samples in scores it is not known, and nil.
func (c Choice) Indistinguishable(list []Candidate, best int) (alike []int) {
	for _, i := range mixesOf(list) {
		if i == best || !list[i].bySample() || !sameClean(list[best], list[i]) {
			continue
		}
		if !c.Robust() || sameRobust(list[best], list[i]) {
			alike = append(alike, i)
		}
	}
	return alike
}

// mixesOf returns the indices of the mixes that have answers, in the order of their parameters.
func mixesOf(list []Candidate) (mixes []int) {
	for i, v := range list {
		if len(v.Params) > 0 && len(v.Vals) > 0 {
			mixes = append(mixes, i)
		}
	}
	slices.SortStableFunc(mixes, func(a, b int) int { return slices.Compare(list[a].Params, list[b].Params) })
	return mixes
}

// DocOfScores is Doc for scores of the user's own instead of accuracies.
func (c Choice) DocOfScores() string { return strings.ReplaceAll(c.Doc(), "accuracy", "score") }

// Doc describes the choice in one line.
func (c Choice) Doc() string {
	rule := c.rule()
	doc := rule.Doc
	if strings.Contains(doc, "%g") {
		doc = fmt.Sprintf(doc, 100*c.Points)
	}
	switch {
	case c.OnTest:
		doc += " (of TEST data)"
	case c.Val != "":
		doc += " (of " + c.Val + ")"
	}
	return doc
}
