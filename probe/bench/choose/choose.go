package choose

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
	"github.com/wiseft/wiseft/probe/metric"
)

// Choice says how one of several mixes is chosen.
type Choice struct {
	Rule string `json:"rule"` // a registered name; "" = "accuracy"
	// Points is how much clean accuracy the rule "robustness" may give away, as a share: 0.01
	// is one point.
	Points float64 `json:"points,omitempty"`
	// OnTest lets test data decide. The figures of what is chosen are then too good, and
	// every result says so.
	OnTest bool `json:"on_test,omitempty"`
}

// Rule is a way to choose a mix by its figures on validation data.
type Rule struct {
	Name string
	Doc  string // one line; %s stands for what Choice.Points allows
	// robust is set if the rule looks at corrupted validation data.
	robust bool
	// best returns the index of the mix that is chosen. Of equal ones the first wins;
	// they come with the smaller parameters first.
	best func(list []Candidate, points float64) int
}

// Candidate is a model as validation data shows it.
type Candidate struct {
	Params []float64 // of the mix, such as alpha; none for a model that is no mix
	OA     float64   // clean accuracy; NaN = unknown
	Robust float64   // mean accuracy over the corruptions of the validation data; NaN = unknown
}

// rules are all rules by name.
var rules = registry.New[Rule]("rule")

// DefaultRule is the rule of the zero Choice.
const DefaultRule = "accuracy"

func init() {
	for _, r := range []Rule{
		{Name: "accuracy", Doc: "highest clean validation accuracy; ties go to the smaller alpha",
			best: func(list []Candidate, _ float64) int { return mostAccurate(list) }},
		{Name: "robustness", Doc: "highest validation accuracy under corruption among those that lose at most %g points of clean validation accuracy; ties go to the smaller alpha",
			robust: true, best: mostRobust},
		{Name: "knee", Doc: "knee of the Pareto set of clean validation accuracy and validation accuracy under corruption, or where there is none the highest clean validation accuracy",
			robust: true, best: knee},
	} {
		rules.Register(r.Name, r)
	}
}

// Rules returns all rules, sorted by name.
func Rules() []Rule { return rules.All() }

// WithDefaults returns c with its rule filled in.
func (c Choice) WithDefaults() Choice {
	c.Rule = cmp.Or(c.Rule, DefaultRule)
	return c
}

// rule returns the rule of a choice that Check accepts.
func (c Choice) rule() Rule {
	r, err := rules.Lookup(cmp.Or(c.Rule, DefaultRule))
	if err != nil {
		panic("choose: choice was not checked")
	}
	return r
}

// Check refuses a choice that cannot be made, whatever the models and data.
func (c Choice) Check() error {
	if _, err := rules.Lookup(cmp.Or(c.Rule, DefaultRule)); err != nil {
		return err
	}
	if !(c.Points >= 0 && c.Points < 1) {
		return fault.Usagef("the rule %s allows a loss of %g points, want 0 to 100", c.Rule, 100*c.Points)
	}
	return nil
}

// Robust reports whether the rule looks at corrupted data.
func (c Choice) Robust() bool { return c.rule().robust }

// NeedsCells reports whether validation data is to be corrupted.
func (c Choice) NeedsCells() bool { return c.Robust() && !c.OnTest }

// mostAccurate returns the index of the highest clean accuracy, the first of equals.
func mostAccurate(list []Candidate) int {
	best := 0
	for i := range list {
		if list[i].OA > list[best].OA {
			best = i
		}
	}
	return best
}

func mostRobust(list []Candidate, points float64) int {
	clean := list[mostAccurate(list)].OA
	best := -1
	for i, v := range list {
		if v.OA < clean-points {
			continue
		}
		if best < 0 || v.Robust > list[best].Robust {
			best = i
		}
	}
	return best
}

func knee(list []Candidate, _ float64) int {
	var clean, robust []float64
	for _, v := range list {
		clean, robust = append(clean, v.OA), append(robust, v.Robust)
	}
	if i, ok := metric.Knee(clean, robust); ok {
		return i
	}
	return mostAccurate(list)
}

// Best returns the index of the mix that the rule chooses: among the candidates that are mixes and have a clean
// accuracy, in the order of their parameters. It returns -1 if there are none.
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

// Doc says in words how is chosen.
func (c Choice) Doc() string {
	rule := c.rule()
	doc := rule.Doc
	if rule.Name == "robustness" {
		doc = fmt.Sprintf(doc, 100*c.Points)
	}
	if c.OnTest {
		doc += " (of TEST data)"
	}
	return doc
}
