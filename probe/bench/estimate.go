package bench

import (
	"cmp"
	"context"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/store"
)

// Estimate is what a plan would take.
type Estimate struct {
	Models  int `json:"models"` // with controls
	Units   int `json:"n_units"`
	Cached  int `json:"n_cached"` // units that need no forward pass
	Passes  int `json:"passes"`   // forward passes of single samples that are missing
	Fits    int `json:"fits"`     // of heads and protocols, at most
	Samples int `json:"measured"` // samples whose passes were timed
	// Seconds are those of the missing passes, at the speed of the first model; 0 if none is missing. Fits come on top.
	Seconds float64 `json:"seconds"`
	// Bytes is the memory for a model in two copies, the samples that are held, and the features of the largest data set.
	// What onnxruntime takes for the values inside a network is not in it, and can be several times as much.
	Bytes int64 `json:"bytes"`
}

// timedSamples is how many samples an estimate passes, after one batch that is not timed.
const timedSamples = 64

// EstimateRun counts what a plan would do in a folder that is only looked at, and times a few passes. It writes nothing.
func EstimateRun(ctx context.Context, plan Plan, folder *store.Folder) (*Estimate, error) {
	r, err := newRun(ctx, plan, folder, nil)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.count()
	s := r.spec
	e := &Estimate{Models: len(s.Variants), Units: s.Total(), Cached: r.cached, Passes: r.at.TotalSamples}
	tasks := 0
	for _, t := range s.Settings.Transfers {
		tasks += len(t.Tasks)
	}
	if s.Settings.Train != nil {
		e.Fits = len(s.Variants) * (1 + len(s.Settings.Probes) + tasks)
	}
	if s.Landscape != nil {
		points := len(s.Landscape.Points.Variants)
		if e.Models += points; s.Settings.Train != nil {
			e.Fits += points
		}
	}
	return e, r.time(ctx, e)
}

// time passes a few samples through the first model, which also says how large it and its features are.
func (r *run) time(ctx context.Context, e *Estimate) error {
	ds := r.plan.Tests[0].Data
	ex, err := openVariant(ctx, &r.plan, r.plan.Variants[0], r.plan.Tensor)
	if err != nil {
		return err
	}
	defer func() { _ = ex.ex.Close() }() // it was only read
	if err := ex.check(ctx, ds, r.plan.Layout); err != nil {
		return err
	}
	batch := cmp.Or(r.plan.Batch, 8)
	first := datasets.Subset(ds, upTo(min(batch, ds.Len())), "timed")
	f, err := ex.extract(ctx, &r.plan, first, func(int) {})
	if err != nil {
		return err
	}
	if e.Passes > 0 {
		e.Samples = min(timedSamples, ds.Len())
		began := time.Now()
		if _, err := ex.extract(ctx, &r.plan, datasets.Subset(ds, upTo(e.Samples), "timed"), func(int) {}); err != nil {
			return err
		}
		e.Seconds = time.Since(began).Seconds() / float64(e.Samples) * float64(e.Passes)
	}
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		return err
	}
	largest, held := 0, int64(0)
	for _, w := range r.spec.Views() {
		n := r.spec.Cell(w).N
		largest, held = max(largest, n), held+s.SizeBytes()*int64(n)
	}
	held = min(held, cmp.Or(r.plan.HeldBytes, defaultHeldBytes))
	e.Bytes = 2*ex.sizeBytes + held + 3*4*int64(f.Dim)*int64(largest)
	return nil
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
