package bench

import (
	"context"
	"errors"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/unit"
)

// maxHeldBytes bounds the samples that are kept in memory for all variants. Those beyond
// are read, and corrupted, anew for each: that costs a few hundredths of a forward pass
// of a small model.
const maxHeldBytes = 1 << 30

// restWhy and heldWhy say in the history of data what its parts are for.
const (
	restWhy = "fitted on for choosing"
	heldWhy = "held out for choosing"
)

// held are the data sets of a run. Each is read and corrupted once, when the first variant
// needs it, and kept for the others.
type held struct {
	plan       *Plan
	rest, held []int // rows of Train when Val is nil: fitted on, validated on

	train, val *source
	valCells   []*source
	tests      [][]*source

	room   int64 // that is left in memory
	opened []datasets.Dataset
}

// source is a data set under one condition.
type source struct {
	corruption string // "" = clean
	severity   int
	data       datasets.Dataset
	read       bool // data is in memory, or too large for it
}

// newHeld finds the data of a complete plan, and reads no sample.
func newHeld(ctx context.Context, p *Plan) (*held, error) {
	h := &held{plan: p, room: maxHeldBytes}
	if p.Train != nil {
		h.train = &source{data: p.Train}
	}
	if p.Val != nil {
		h.val = &source{data: p.Val}
	}
	if err := h.hold(); err != nil {
		return nil, err
	}
	if err := h.open(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// hold decides which samples of the training data validate, if there is no data for that.
func (h *held) hold() error {
	if h.val != nil || h.train == nil {
		return nil
	}
	h.rest, h.held = datasets.SplitStratified(datasets.Labels(h.plan.Train), unit.ValidationFraction, h.plan.Seed)
	if len(h.held) == 0 {
		return fault.Inputf("%s: no class has two samples, so no validation data can be split off",
			h.plan.Train.Info().Name)
	}
	return nil
}

// open makes the conditions of the validation and test data.
func (h *held) open(ctx context.Context) error {
	if h.plan.Choose.NeedsCells() {
		data := h.plan.Val
		if data == nil {
			data = datasets.Subset(h.plan.Train, h.held, heldWhy)
		}
		// Another seed than that of the test data, so that no cloud of the two meets the
		// same random numbers.
		cells, err := h.corrupted(ctx, Test{Data: data}, h.plan.Seed+1)
		if err != nil {
			return err
		}
		h.valCells = cells
	}
	for _, t := range h.plan.Tests {
		cells, err := h.corrupted(ctx, t, h.plan.Seed)
		if err != nil {
			return err
		}
		h.tests = append(h.tests, append([]*source{{data: t.Data}}, cells...))
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

// corrupted lists a test set under every corruption and severity of the plan.
func (h *held) corrupted(ctx context.Context, t Test, seed uint64) (list []*source, err error) {
	for _, name := range h.plan.Corruptions {
		for _, severity := range h.plan.Severities {
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

// stored opens a corruption that is stored. Its samples must be those of the clean data,
// in their order.
func (h *held) stored(ctx context.Context, t Test, name string, severity int) (datasets.Dataset, error) {
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
			return nil, fault.Inputf("%s: sample %d has label %d, but in the clean data %s it has %d: the files do not hold the same samples",
				ds.Info().Name, i, got, t.Data.Info().Name, want)
		}
	}
	return ds, nil
}

// cells describes conditions for a plan.
func (h *held) cells(ctx context.Context, list []*source) ([]unit.Cell, error) {
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

func (h *held) source(w unit.View) *source {
	switch w.Role {
	case unit.Training:
		return h.train
	case unit.Validation:
		return h.val
	case unit.CorruptedValidation:
		return h.valCells[w.Cell]
	}
	return h.tests[w.Test][w.Cell]
}

// get returns the data of w, in memory if there is room.
func (h *held) get(ctx context.Context, w unit.View) (datasets.Dataset, error) {
	s := h.source(w)
	if s.read {
		return s.data, nil
	}
	var first datasets.Sample
	if err := s.data.Read(ctx, &first, 0); err != nil {
		return nil, err
	}
	s.read = true
	size := 4 * int64(len(first.X)) * int64(s.data.Len())
	if size > h.room || len(h.plan.Variants) == 1 && s.corruption != "" {
		return s.data, nil // made beside the forward passes, for the only one who asks
	}
	h.room -= size
	data, err := datasets.InMemory(ctx, s.data, nil)
	if err != nil {
		return nil, err
	}
	s.data = data
	return data, nil
}

// close closes what was opened here.
func (h *held) close() error {
	var err error
	for _, ds := range h.opened {
		err = errors.Join(err, ds.Close())
	}
	return err
}
