package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

const (
	resultSchema = "wiseft.bench/1"
	specSchema   = "wiseft.plan/1"
	specFile     = "plan.json"
)

// Spec is a plan as it lies in a run's folder: everything that the result depends on, and
// enough to make the result of units, without models and data.
type Spec struct {
	Schema   string        `json:"schema"`
	Result   string        `json:"result"` // schema of the result
	Variants []VariantSpec `json:"variants"`
	// ValCells are the corruptions of the validation data, where the rule of the choice
	// asks for them.
	ValCells []Cell     `json:"validation_cells,omitempty"`
	Tests    []TestSpec `json:"tests"`
	Settings Settings   `json:"settings"`

	held, tested map[int]store.Key // of the probes of variants, as far as they were asked for
}

// VariantSpec is a variant of a plan.
type VariantSpec struct {
	ID     string  `json:"id"`
	Params []Param `json:"params,omitempty"`
	Key    string  `json:"key"` // as Variant.Key says
}

// TestSpec are the conditions of a test set, clean first.
type TestSpec struct {
	Name   string `json:"name"`
	Stored bool   `json:"stored,omitempty"` // the corruptions were read, not made
	Cells  []Cell `json:"cells"`
}

// Cell is a data set under one condition.
type Cell struct {
	Corruption string `json:"corruption,omitempty"` // "" = clean
	Severity   int    `json:"severity,omitempty"`
	SHA256     string `json:"sha256"`
	N          int    `json:"n"`
}

func (c Cell) String() string {
	if c.Corruption == "" {
		return "clean"
	}
	return fmt.Sprintf("%s %d", c.Corruption, c.Severity)
}

// newSpec describes a complete plan.
func newSpec(ctx context.Context, p *Plan, data *held) (*Spec, error) {
	settings, err := newSettings(ctx, p)
	if err != nil {
		return nil, err
	}
	s := &Spec{Schema: specSchema, Result: p.Schema, Settings: *settings, held: map[int]store.Key{}, tested: map[int]store.Key{}}
	for _, v := range p.Variants {
		key, err := v.Key(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.ID(), err)
		}
		s.Variants = append(s.Variants, VariantSpec{v.ID(), v.Params(), key})
	}
	if s.ValCells, err = data.cells(ctx, data.valCells); err != nil {
		return nil, err
	}
	for i, t := range p.Tests {
		cells, err := data.cells(ctx, data.tests[i])
		if err != nil {
			return nil, err
		}
		s.Tests = append(s.Tests, TestSpec{t.Name, t.Corrupted != nil, cells})
	}
	return s, nil
}

// newSettings describes what a result depends on, beside the models.
func newSettings(ctx context.Context, p *Plan) (*Settings, error) {
	s := &Settings{
		Wiseft: p.Version, Go: runtime.Version(), Runtime: p.Engine.Runtime(), Tensor: p.Tensor, OwnHead: p.OwnHead,
		Suite: p.Suite, Reference: p.Reference, Baselines: p.Baselines, Corruptions: p.Corruptions, Severities: p.Severities, Seed: p.Seed,
		Fit: newFitSettings(p.Fit), WarmStart: p.WarmStart, Layout: p.Layout, Batch: p.Batch, Choose: p.Choose, Search: p.Found,
		Validation: fmt.Sprintf("a stratified %g %% of the training data, seed %d", 100*validationFraction, p.Seed),
	}
	if len(p.Corruptions) == 0 {
		s.Corruptions, s.Severities = []string{}, []int{}
	}
	switch {
	case p.Val != nil:
		s.Validation = "data of its own"
	case p.OwnHead:
		s.Validation = ""
	}
	var err error
	if s.Train, err = newDataResult(ctx, p.Train); err != nil {
		return nil, err
	}
	if s.Val, err = newDataResult(ctx, p.Val); err != nil {
		return nil, err
	}
	for _, t := range p.Tests {
		d, err := newDataResult(ctx, t.Data)
		if err != nil {
			return nil, err
		}
		s.Tests = append(s.Tests, d)
	}
	return s, nil
}

// newDataResult describes a data set; nil is nil.
func newDataResult(ctx context.Context, ds datasets.Dataset) (*DataResult, error) {
	if ds == nil {
		return nil, nil
	}
	sum, err := ds.Hash(ctx)
	if err != nil {
		return nil, err
	}
	return &DataResult{Info: ds.Info(), SHA256: sum, N: ds.Len()}, nil
}

// PlanError says that a folder holds another plan.
type PlanError struct{ Folder string }

func (e *PlanError) Error() string {
	return e.Folder + ": the folder holds the run of another plan"
}

// ReadSpec returns the plan in a run's folder.
func ReadSpec(dir string) (*Spec, error) {
	text, err := os.ReadFile(filepath.Join(dir, specFile))
	if err != nil {
		return nil, err
	}
	s := &Spec{held: map[int]store.Key{}, tested: map[int]store.Key{}}
	if err = json.Unmarshal(text, s); err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, probe.InputErrorf("%s: is no plan of a run: %v", filepath.Join(dir, specFile), err)
	}
	return s, nil
}

// check refuses a plan that no run has written.
func (s *Spec) check() error {
	switch {
	case s.Schema != specSchema:
		return fmt.Errorf("schema is %q, want %q", s.Schema, specSchema)
	case len(s.Variants) == 0 || len(s.Tests) == 0 || len(s.Tests) != len(s.Settings.Tests):
		return fmt.Errorf("%d variants, and %d test sets of which %d are described", len(s.Variants), len(s.Tests), len(s.Settings.Tests))
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
			return fmt.Errorf("%q is no corruption with a severity of 1 to %d", c, metric.Severities)
		}
	}
	if _, ok := lookupRule(s.Settings.Choose.Rule); !ok {
		return fmt.Errorf("there is no rule %q", s.Settings.Choose.Rule)
	}
	return nil
}

// save writes the plan into the folder, unless an equal one is there.
func (s *Spec) save(folder *store.Folder, replace bool) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	there, err := ReadSpec(folder.Root())
	switch {
	case err == nil && there.ID() == s.ID():
		return nil
	case err == nil && !replace:
		return &PlanError{folder.Root()}
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !replace:
		return err
	}
	return folder.SaveFile(specFile, func(w io.Writer) error { _, err := text.WriteTo(w); return err })
}

// ID stands for everything that the figures depend on, and so for the figures; the names
// of files are not among it.
func (s *Spec) ID() store.Key {
	type variant struct {
		ID     string
		Scores []store.Key
	}
	var parts []variant
	for v := range s.Variants {
		p := variant{ID: s.Variants[v].ID}
		for _, w := range s.views() {
			p.Scores = append(p.Scores, s.scores(v, w))
		}
		parts = append(parts, p)
	}
	return store.NewKey([]any{parts, s.Settings.Suite, s.Settings.Reference, s.Settings.Baselines, s.Settings.Choose})
}
