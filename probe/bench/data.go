package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/unit"
)

// defaultHeldBytes is Plan.HeldBytes where that is 0.
const defaultHeldBytes = 1 << 30

// runData are the data sets of a run. Each is read and corrupted once, when the first variant needs it, and kept in
// memory for the others.
type runData struct {
	plan        *Plan
	train       *source
	vals, tests [][]*source // by set and condition, clean first
	transfers   [][]*source // by set and part

	room   int64 // bytes left of Plan.HeldBytes
	opened []datasets.Dataset
}

// source is a data set under one condition.
type source struct {
	corruption string // "" = clean
	severity   int
	data       datasets.Dataset
	read       bool // data is in memory, or too large for it
}

// newRunData finds the data of a complete plan. It reads no sample.
func newRunData(ctx context.Context, p *Plan) (*runData, error) {
	if err := p.checkFed(); err != nil {
		return nil, err
	}
	h := &runData{plan: p, room: cmp.Or(p.HeldBytes, defaultHeldBytes)}
	if p.Train != nil {
		h.train = &source{data: p.Train}
	}
	if err := h.listConditions(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// listConditions lists the conditions of the validation and test data.
func (h *runData) listConditions(ctx context.Context) error {
	for _, v := range h.plan.Vals {
		list := []*source{{data: v.Data}}
		if h.plan.Choose.NeedsCells() && h.plan.decides(v.Name) {
			severities := h.plan.Choose.Severities
			if severities == nil {
				severities = h.plan.Severities
			}
			// The seed differs from that of the test data, so that no two clouds get the same random numbers.
			cells, err := h.corrupted(ctx, Test{Data: v.Data}, severities, h.plan.Seed+1)
			if err != nil {
				return err
			}
			list = append(list, cells...)
		}
		h.vals = append(h.vals, list)
	}
	for _, t := range h.plan.Tests {
		cells, err := h.corrupted(ctx, t, h.plan.Severities, h.plan.Seed)
		if err != nil {
			return err
		}
		h.tests = append(h.tests, append([]*source{{data: t.Data}}, cells...))
	}
	for _, t := range h.plan.Transfers {
		var list []*source
		for _, ds := range t.parts() {
			list = append(list, &source{data: ds})
		}
		h.transfers = append(h.transfers, list)
	}
	return nil
}

// generate returns ds under a registered corruption.
func generate(ds datasets.Dataset, name string, severity int, seed uint64) (datasets.Dataset, error) {
	c, err := corrupt.Lookup(name)
	if err != nil {
		return nil, err
	}
	return corrupt.Wrap(ds, c, severity, seed)
}

// corrupted returns a validation or test set under every corruption of the plan and every severity.
func (h *runData) corrupted(ctx context.Context, t Test, severities []int, seed uint64) (list []*source, err error) {
	for _, name := range h.plan.Corruptions {
		if t.Corrupted == nil {
			if err := checkCorruptible(ctx, t.Data, name); err != nil {
				return nil, err
			}
		}
		for _, severity := range severities {
			s := &source{corruption: name, severity: severity}
			if t.Corrupted != nil {
				s.data, err = h.stored(ctx, t, name, severity)
			} else {
				s.data, err = generate(t.Data, name, severity, seed)
			}
			if err != nil {
				return nil, err
			}
			list = append(list, s)
		}
	}
	return list, nil
}

// checkCorruptible refuses data whose samples are not of the kind that a corruption changes.
func checkCorruptible(ctx context.Context, ds datasets.Dataset, name string) error {
	c, err := corrupt.Lookup(name)
	if err != nil {
		return fault.Usagef("%s: %w", ds.Info().Name, err).
			WithHint("a suite of stored data needs the samples as they are stored corrupted: name them with --corrupted")
	}
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		return err
	}
	_, isCloud := s.Points()
	want, fits := "clouds, [points 3]", isCloud
	if c.Image != nil {
		want, fits = "images, [channels height width]", len(s.Shape) == 3
	}
	if fits {
		return nil
	}
	has := fmt.Sprintf("have shape %v", s.Shape)
	if inputs := ds.Info().Inputs; inputs != nil {
		has = "are the arrays " + strings.Join(arrayNames(inputs), ", ")
	}
	return fault.Usagef("%s: the corruption %s is for %s, and the samples %s", ds.Info().Name, name, want, has).
		WithHint("leave out corruptions with --suite none, or score data that is stored corrupted")
}

func arrayNames(inputs []datasets.InputArray) (names []string) {
	for _, in := range inputs {
		names = append(names, in.Array)
	}
	return names
}

// described returns the data of the plan, test data first.
func (p *Plan) described() (list []datasets.Info) {
	for _, t := range p.Tests {
		list = append(list, t.Data.Info())
	}
	if p.Train != nil {
		list = append(list, p.Train.Info())
	}
	for _, v := range p.Vals {
		list = append(list, v.Data.Info())
	}
	for _, t := range p.Transfers {
		for _, ds := range t.parts() {
			list = append(list, ds.Info())
		}
	}
	return list
}

// fed describes the data that pass through a model; all of a plan feed the same inputs.
func (p *Plan) fed() datasets.Info {
	if list := p.described(); len(list) > 0 {
		return list[0]
	}
	return datasets.Info{}
}

// checkFed refuses data that feed other inputs than the first.
func (p *Plan) checkFed() error {
	inputs := func(info datasets.Info) (names []string) {
		for _, in := range info.Inputs {
			names = append(names, in.Input)
		}
		for _, c := range info.Constants {
			names = append(names, c.Input+" (constant)")
		}
		slices.Sort(names)
		return names
	}
	all := p.described()
	for _, info := range all[min(1, len(all)):] {
		if got, want := inputs(info), inputs(all[0]); !slices.Equal(got, want) {
			return fault.Mismatchf("%s feeds the inputs [%s], and %s feeds [%s]: a model runs with one choice of inputs", info.Name,
				strings.Join(got, ", "), all[0].Name, strings.Join(want, ", "))
		}
	}
	return nil
}

// stored opens the data stored under a corruption. Its samples must be those of the clean data, in the same order.
func (h *runData) stored(ctx context.Context, t Test, name string, severity int) (datasets.Dataset, error) {
	ds, err := t.Corrupted(ctx, name, severity)
	if err != nil {
		return nil, err
	}
	h.opened = append(h.opened, ds)
	if ds.Len() != t.Data.Len() {
		return nil, fault.Inputf("%s has %d samples, but the clean data %s has %d",
			ds.Info().Name, ds.Len(), t.Data.Info().Name, t.Data.Len())
	}
	for i := range ds.Len() {
		if got, want := ds.Label(i), t.Data.Label(i); got != want {
			return nil, fault.Inputf("%s: sample %d has label %d, but in the clean data %s it has %d: "+
				"the files do not hold the same samples",
				ds.Info().Name, i, got, t.Data.Info().Name, want)
		}
	}
	return ds, nil
}

// cells returns the conditions as a plan records them.
func (h *runData) cells(ctx context.Context, list []*source) ([]unit.Cell, error) {
	var cells []unit.Cell
	for _, s := range list {
		sum, err := s.data.Hash(ctx)
		if err != nil {
			return nil, err
		}
		cells = append(cells, unit.Cell{Corruption: s.corruption, Severity: s.severity, SHA256: sum, N: s.data.Len()})
	}
	return cells, nil
}

func (h *runData) source(w unit.View) *source {
	switch w.Role {
	case unit.Training:
		return h.train
	case unit.Validation:
		return h.vals[w.Set][w.Cell]
	case unit.OnTransfer:
		return h.transfers[w.Set][w.Cell]
	}
	return h.tests[w.Set][w.Cell]
}

// get returns the data of w, in memory if there is room.
func (h *runData) get(ctx context.Context, w unit.View) (datasets.Dataset, error) {
	s := h.source(w)
	if _, held := s.data.(*datasets.Memory); s.read || held {
		return s.data, nil
	}
	var first datasets.Sample
	if err := s.data.Read(ctx, &first, 0); err != nil {
		return nil, err
	}
	s.read = true
	size := first.SizeBytes() * int64(s.data.Len())
	if size > h.room || len(h.plan.Variants) == 1 && s.corruption != "" {
		return s.data, nil // needed once: corrupted by workers while the engine runs
	}
	h.room -= size
	data, err := datasets.InMemory(ctx, s.data, nil)
	if err != nil {
		return nil, err
	}
	s.data = data
	return data, nil
}

// close closes the data sets that h opened.
func (h *runData) close() error {
	var err error
	for _, ds := range h.opened {
		err = errors.Join(err, ds.Close())
	}
	return err
}
