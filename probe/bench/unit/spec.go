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
const Schema = "wiseft.plan/1"

// Spec is the record of a plan in a run's folder: everything that the result depends on. It suffices to make the
// result from units, without models and data.
type Spec struct {
	Schema   string    `json:"schema"`
	Result   string    `json:"result"` // schema of the result
	Variants []Variant `json:"variants"`
	// ValCells are the corruptions of the validation data; nil unless the rule of the choice uses them.
	ValCells []Cell          `json:"validation_cells,omitempty"`
	Tests    []Test          `json:"tests"`
	Settings result.Settings `json:"settings"`

	held, tested map[int]store.Key // keys of the probes of variants that were computed; nil = none
}

// Variant is a variant of a plan.
type Variant struct {
	ID     string         `json:"id"`
	Params []result.Param `json:"params,omitempty"`
	Key    string         `json:"key"` // as bench.Variant.Key returns it
}

// Test has the conditions of a test set, clean first.
type Test struct {
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
	type variant struct {
		ID     string
		Scores []store.Key
	}
	var parts []variant
	for v := range s.Variants {
		p := variant{ID: s.Variants[v].ID}
		for _, w := range s.Views() {
			p.Scores = append(p.Scores, s.Scores(v, w))
		}
		parts = append(parts, p)
	}
	return store.NewKey([]any{parts, s.Settings.Suite, s.Settings.Reference, s.Settings.Baselines, s.Settings.Choose})
}

// Check returns an error if no run can have written the plan.
func (s *Spec) Check() error {
	switch {
	case s.Schema != Schema:
		return fmt.Errorf("schema is %q, want %q", s.Schema, Schema)
	case len(s.Variants) == 0 || len(s.Tests) == 0 || len(s.Tests) != len(s.Settings.Tests):
		return fmt.Errorf("%d variants, and %d test sets of which %d are described", len(s.Variants), len(s.Tests),
			len(s.Settings.Tests))
	case (s.Settings.Train == nil) != s.Settings.OwnHead:
		return fmt.Errorf("training data and the model's own head exclude each other")
	}
	cells := s.ValCells
	for t, test := range s.Tests {
		if len(test.Cells) == 0 || test.Cells[0].Corruption != "" || s.Settings.Tests[t] == nil {
			return fmt.Errorf("test set %q does not begin with clean data", test.Name)
		}
		cells = append(cells[:len(cells):len(cells)], test.Cells[1:]...)
	}
	for _, c := range cells {
		if c.Corruption == "" || c.Severity < 1 || c.Severity > metric.Severities {
			return fmt.Errorf("%q is not a corruption with a severity of 1 to %d", c, metric.Severities)
		}
	}
	if s.Settings.Choose.Rule == "" {
		return fmt.Errorf("it has no rule")
	}
	return s.Settings.Choose.Check()
}
