package bench

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/store"
)

// Estimate is what a plan would take.
type Estimate struct {
	Models  int `json:"models"` // with controls
	Units   int `json:"n_units"`
	Cached  int `json:"n_cached"` // units that need no forward pass
	Passes  int `json:"passes"`   // forward passes of single samples that are missing
	Fits    int `json:"fits"`     // of heads and protocols that are missing
	Samples int `json:"measured"` // samples whose passes and fits were timed; 0 if nothing is missing
	// Seconds are those of the missing passes, at the speed of the first model.
	Seconds float64 `json:"seconds"`
	// FitSeconds are those of the missing fits, from one small fit of each kind: the time is taken to grow with rows,
	// classes and epochs. Fits that run to an optimum need more iterations or fewer on more data, so that the real time
	// is often half or twice as long.
	FitSeconds float64 `json:"fit_seconds"`
	// Bytes is the memory for a model in two copies, the samples that are held, and the features of the largest data set.
	// What onnxruntime takes for the values inside a network is not in it, and can be several times as much.
	Bytes int64 `json:"bytes"`
}

// timedSamples is how many samples an estimate passes, after one batch that is not timed.
const timedSamples = 64

// EstimateRun counts what a plan would do in a folder that is only looked at, and times a few passes, and a small fit of
// every kind. It writes nothing.
func EstimateRun(ctx context.Context, plan Plan, folder *store.Folder) (*Estimate, error) {
	r, err := newRun(ctx, plan, folder, nil)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.count()
	fits, err := r.missingFits()
	if err != nil {
		return nil, err
	}
	s := r.spec
	e := &Estimate{Models: len(s.Variants), Units: s.Total(), Cached: r.cached, Passes: r.at.TotalSamples}
	for _, f := range fits {
		e.Fits += f.Count
	}
	f, err := r.time(ctx, e)
	if err == nil && e.Fits > 0 {
		e.FitSeconds, err = timeFits(ctx, fits, f)
	}
	if s.Landscape != nil {
		e.Models += len(s.Landscape.Points.Variants)
	}
	return e, err
}

// time passes a few samples through the first model, which also says how large it and its features are. It returns the
// features.
func (r *run) time(ctx context.Context, e *Estimate) (*feature.Set, error) {
	ds := r.plan.Tests[0].Data
	if r.plan.Train != nil {
		ds = r.plan.Train
	}
	ex, err := openVariant(ctx, &r.plan, r.plan.Variants[0], r.plan.Tensor)
	if err != nil {
		return nil, err
	}
	defer func() { _ = ex.ex.Close() }() // it was only read
	if err := ex.check(ctx, ds, r.plan.Layout); err != nil {
		return nil, err
	}
	idx := mixedClasses(ds, timedSamples)
	batch := idx[:min(len(idx), cmp.Or(r.plan.Batch, 8))]
	f, err := ex.extract(ctx, &r.plan, datasets.Subset(ds, batch, "timed"), func(int) {})
	if err != nil {
		return nil, err
	}
	if e.Passes > 0 || e.Fits > 0 {
		e.Samples = len(idx)
		began := time.Now()
		if f, err = ex.extract(ctx, &r.plan, datasets.Subset(ds, idx, "timed"), func(int) {}); err != nil {
			return nil, err
		}
		e.Seconds = time.Since(began).Seconds() / float64(e.Samples) * float64(e.Passes)
	}
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		return nil, err
	}
	largest, held := 0, int64(0)
	for _, w := range r.spec.Views() {
		n := r.spec.Cell(w).N
		largest, held = max(largest, n), held+s.SizeBytes()*int64(n)
	}
	held = min(held, cmp.Or(r.plan.HeldBytes, defaultHeldBytes))
	e.Bytes = 2*ex.sizeBytes + held + 3*4*int64(f.Dim)*int64(largest)
	if ex.scores > 0 {
		if _, err := splitScores(f, ex.scores); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// mixedClasses returns up to n samples of ds, of as many classes as possible: the first of every class, then the second.
func mixedClasses(ds datasets.Dataset, n int) []int {
	of := map[int64][]int{}
	for i := range ds.Len() {
		of[ds.Label(i)] = append(of[ds.Label(i)], i)
	}
	labels := slices.Sorted(maps.Keys(of))
	var list []int
	for round := 0; len(list) < min(n, ds.Len()); round++ {
		for _, label := range labels {
			if round < len(of[label]) && len(list) < n {
				list = append(list, of[label][round])
			}
		}
	}
	return list
}
