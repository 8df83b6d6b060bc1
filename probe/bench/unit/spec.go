// Package unit names the units of a benchmark: which there are ([Spec.Units]), by which key each is stored
// ([Spec.Features], [Spec.Probe], [Spec.Scores]), and which worker computes it ([Share]). It reads and computes no
// data.
//
// A key is the hash of the JSON of everything that the unit depends on. Keys must not change between versions unless
// the bits of the unit do: stored units would not be found.
package unit

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// Schema is the schema of a [Spec] in JSON.
const Schema = "wiseft.plan/2"

// Spec is the record of a plan in a run's folder: everything that the result depends on. It suffices to make the
// result from units, without models and data.
type Spec struct {
	Schema   string    `json:"schema"`
	Result   string    `json:"result"` // schema of the result
	Variants []Variant `json:"variants"`
	// Vals are the validation sets, corrupted only if the rule of the choice uses that.
	Vals     []Set           `json:"validation_sets,omitempty"`
	Tests    []Set           `json:"tests"`
	Settings result.Settings `json:"settings"`
	// WeightsKey is the key of the unit with the weights of the result; "" = there is none. They follow from the models, and are
	// no part of the plan's identity. Plans of earlier versions have the weights themselves.
	WeightsKey store.Key       `json:"weights_key,omitempty"`
	Weights    *result.Weights `json:"weights,omitempty"`
	// Landscape is a plane of models that is measured, too; nil = none.
	Landscape *Landscape `json:"landscape,omitempty"`

	probes map[int]store.Key // keys of the probes of variants that were computed; nil = none
}

// Variant is a variant of a plan.
type Variant struct {
	ID     string         `json:"id"`
	Params []result.Param `json:"params,omitempty"`
	// Repaired, Statistics, Command and Merged are those of bench.About.
	Repaired   bool   `json:"repaired,omitempty"`
	Statistics string `json:"statistics,omitempty"`
	Merged     int64  `json:"merged_parameters,omitempty"`
	// Control marks variants that are no models of the result, behind those that are; they pass training data and the first
	// test set alone.
	Control bool   `json:"control,omitempty"`
	Command string `json:"command,omitempty"`
	Key     string `json:"key"` // as that of bench.Variant
}

// OnPath reports whether v is a mix on the path between the ends, with alpha as its only parameter.
func (v Variant) OnPath() bool {
	return len(v.Params) == 1 && v.Params[0].Name == result.Alpha && !v.Repaired && v.Statistics == ""
}

// Models returns the variants that are models of the result: the first ones.
func (s *Spec) Models() []Variant {
	n := len(s.Variants)
	for n > 0 && s.Variants[n-1].Control {
		n--
	}
	return s.Variants[:n]
}

// Set has the conditions of a validation or test set, clean first.
type Set struct {
	Name   string `json:"name"`
	Stored bool   `json:"stored,omitempty"` // the corruptions were read from files
	Cells  []Cell `json:"cells"`
}

// Cell is a data set under one condition.
type Cell struct {
	Corruption string `json:"corruption,omitempty"` // "" = clean
	Severity   int    `json:"severity,omitempty"`
	SHA256     string `json:"sha256"`
	N          int    `json:"n"`
}

// String returns "clean", or corruption and severity: "jitter 3".
func (c Cell) String() string {
	if c.Corruption == "" {
		return "clean"
	}
	return fmt.Sprintf("%s %d", c.Corruption, c.Severity)
}

// ID identifies everything that the figures depend on. Names of files have no influence on it.
func (s *Spec) ID() store.Key {
	var parts []variantID
	for v := range s.Variants {
		parts = append(parts, s.variantID(v))
	}
	all := append([]any{parts}, s.rules()...)
	if len(s.Settings.Transfers) > 0 {
		all = append(all, s.transferIDs())
	}
	if s.Landscape != nil {
		all = append(all, s.Landscape.id())
	}
	return store.NewKey(all)
}

// Extends reports whether s has all that other has, and perhaps more variants and transfer sets, and a landscape: whether
// its result contains other's.
func (s *Spec) Extends(other *Spec) bool {
	ours := map[store.Key]bool{}
	for v := range s.Variants {
		ours[store.NewKey(s.variantID(v))] = true
	}
	for v := range other.Variants {
		if !ours[store.NewKey(other.variantID(v))] {
			return false
		}
	}
	for _, id := range s.transferIDs() {
		ours[store.NewKey(id)] = true
	}
	for _, id := range other.transferIDs() {
		if !ours[store.NewKey(id)] {
			return false
		}
	}
	if other.Landscape != nil && s.Landscape.id() != other.Landscape.id() {
		return false
	}
	return store.NewKey(s.rules()) == store.NewKey(other.rules())
}

// rules are the settings that figures of several variants depend on.
func (s *Spec) rules() []any {
	list := []any{s.Settings.Suite, s.Settings.Reference, s.Settings.Baselines, s.Settings.Choose}
	if s.Settings.Score != nil {
		list = append(list, s.Settings.Score)
	}
	return list
}

// variantID identifies what the figures of a variant depend on.
type variantID struct {
	ID     string
	Scores []store.Key
}

func (s *Spec) variantID(v int) variantID {
	p := variantID{ID: s.Variants[v].ID}
	for _, w := range s.ViewsOf(v) {
		if w.Role == Training {
			p.Scores = append(p.Scores, s.Probe(v))
			for h := range s.Further(w) {
				p.Scores = append(p.Scores, s.FurtherProbe(v, h))
			}
			continue
		}
		if w.Role == OnTransfer {
			continue // see transferIDs
		}
		p.Scores = append(p.Scores, s.Scores(v, w))
		if s.Settings.Heads {
			p.Scores = append(p.Scores, s.HeadScores(v, w))
		}
		for h := range s.Further(w) {
			p.Scores = append(p.Scores, s.FurtherScores(v, h, w))
		}
	}
	return p
}

// Check returns an error if no run can have written the plan.
func (s *Spec) Check() error {
	switch {
	case s.Schema != Schema:
		return fmt.Errorf("schema is %q, want %q", s.Schema, Schema)
	case len(s.Models()) == 0 || len(s.Tests) == 0 || len(s.Tests) != len(s.Settings.Tests):
		return fmt.Errorf("%d variants, and %d test sets of which %d are described", len(s.Variants), len(s.Tests),
			len(s.Settings.Tests))
	case len(s.Vals) != len(s.Settings.Vals()):
		return fmt.Errorf("%d validation sets of which %d are described", len(s.Vals), len(s.Settings.Vals()))
	case (s.Settings.Train == nil) != s.Settings.OwnHead:
		return fmt.Errorf("training data and the model's own head exclude each other")
	}
	if s.Settings.Score != nil && !s.Settings.OwnHead {
		return fmt.Errorf("a score is of the model's outputs, without training data")
	}
	for i, d := range append(s.Settings.Vals(), s.Settings.Tests...) {
		if d == nil {
			return fmt.Errorf("data set %d is not described", i)
		}
	}
	for _, set := range append(s.Vals[:len(s.Vals):len(s.Vals)], s.Tests...) {
		if err := set.check(); err != nil {
			return err
		}
	}
	if err := checkTransfers(s.Settings.Transfers); err != nil {
		return err
	}
	if s.Settings.Choose.Rule == "" {
		return fmt.Errorf("it has no rule")
	}
	if err := s.Landscape.check(); err != nil {
		return err
	}
	return s.Settings.Choose.Check()
}

func (s Set) check() error {
	if len(s.Cells) == 0 || s.Cells[0].Corruption != "" {
		return fmt.Errorf("data set %q does not begin with clean data", s.Name)
	}
	for _, c := range s.Cells[1:] {
		if c.Corruption == "" || c.Severity < 1 || c.Severity > metric.Severities {
			return fmt.Errorf("%q is not a corruption with a severity of 1 to %d", c, metric.Severities)
		}
	}
	return nil
}
