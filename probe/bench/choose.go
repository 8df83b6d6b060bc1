package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	best func(list []Validated, points float64) int
}

// Validated is a mix as validation data shows it.
type Validated struct {
	ID     string
	Params []Param
	OA     Number // clean
	Robust Number // mean accuracy over the corruptions of the validation data
	N      int    // validation samples
}

var rules = []Rule{
	{Name: "accuracy", Doc: "highest clean validation accuracy; ties go to the smaller alpha",
		best: func(list []Validated, _ float64) int { return highest(list, func(v Validated) Number { return v.OA }) }},
	{Name: "robustness", Doc: "highest validation accuracy under corruption among those that lose at most %g points of clean validation accuracy; ties go to the smaller alpha",
		robust: true, best: mostRobust},
	{Name: "knee", Doc: "knee of the Pareto set of clean validation accuracy and validation accuracy under corruption, or where there is none the highest clean validation accuracy",
		robust: true, best: knee},
}

// Rules returns all rules.
func Rules() []Rule { return slices.Clone(rules) }

func lookupRule(name string) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// Check refuses a choice that cannot be made, whatever the plan.
func (c Choice) Check() error {
	if _, ok := lookupRule(cmp.Or(c.Rule, rules[0].Name)); !ok {
		var names []string
		for _, r := range rules {
			names = append(names, r.Name)
		}
		return optionErrorf("unknown rule %q; there are %s", c.Rule, strings.Join(names, ", "))
	}
	if !(c.Points >= 0 && c.Points < 1) {
		return optionErrorf("the rule %s allows a loss of %g points, want 0 to 100", c.Rule, 100*c.Points)
	}
	return nil
}

func (c *Choice) complete(p *Plan) error {
	c.Rule = cmp.Or(c.Rule, rules[0].Name)
	if err := c.Check(); err != nil {
		return err
	}
	rule, _ := lookupRule(c.Rule)
	if rule.robust && p.Suite == "" && len(p.Corruptions) == 0 {
		return optionErrorf("the rule %s needs corruptions", c.Rule)
	}
	if rule.robust && p.OwnHead && p.Val == nil && !c.OnTest {
		return optionErrorf("the rule %s needs validation data", c.Rule)
	}
	return nil
}

// needsCells reports whether validation data is to be corrupted.
func (c Choice) needsCells() bool {
	rule, _ := lookupRule(c.Rule)
	return rule.robust && !c.OnTest
}

// onTestNote marks every result of a choice that test data made.
const onTestNote = "CHOSEN ON TEST DATA: the figures of the chosen mix are optimistic and are no estimate of new data"

func highest(list []Validated, figure func(Validated) Number) int {
	best := 0
	for i := range list {
		if figure(list[i]) > figure(list[best]) {
			best = i
		}
	}
	return best
}

func mostRobust(list []Validated, points float64) int {
	clean := list[highest(list, func(v Validated) Number { return v.OA })].OA
	best := -1
	for i, v := range list {
		if float64(v.OA) < float64(clean)-points {
			continue
		}
		if best < 0 || v.Robust > list[best].Robust {
			best = i
		}
	}
	return best
}

func knee(list []Validated, _ float64) int {
	var clean, robust []float64
	for _, v := range list {
		clean, robust = append(clean, float64(v.OA)), append(robust, float64(v.Robust))
	}
	if i, ok := metric.Knee(clean, robust); ok {
		return i
	}
	return highest(list, func(v Validated) Number { return v.OA })
}

// apply chooses among the variants that are mixes; nil if there are none, or no data to
// choose by.
func (c Choice) apply(list []Validated) *Chosen {
	mixes := slices.DeleteFunc(slices.Clone(list), func(v Validated) bool { return len(v.Params) == 0 || !v.OA.Known() })
	if len(mixes) == 0 {
		return nil
	}
	slices.SortStableFunc(mixes, func(a, b Validated) int {
		return slices.CompareFunc(a.Params, b.Params, func(p, q Param) int { return cmp.Compare(p.Value, q.Value) })
	})
	rule, _ := lookupRule(c.Rule)
	best := mixes[rule.best(mixes, c.Points)]
	chosen := &Chosen{ID: best.ID, Params: best.Params, Rule: c.Doc(), OnTest: c.OnTest, Validation: best.OA}
	for i, p := range best.Params {
		if p.Name == alphaParam {
			chosen.Alpha = &best.Params[i].Value
		}
	}
	if rule.robust {
		chosen.Robustness = &best.Robust
	}
	return chosen
}

// Doc says in words how is chosen.
func (c Choice) Doc() string {
	rule, _ := lookupRule(c.Rule)
	doc := rule.Doc
	if rule.Name == "robustness" {
		doc = fmt.Sprintf(doc, 100*c.Points)
	}
	if c.OnTest {
		doc += " (of TEST data)"
	}
	return doc
}
