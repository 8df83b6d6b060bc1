package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

// run is the state of one Run.
type run struct {
	plan    Plan
	spec    *unit.Spec
	folder  *store.Folder
	held    *held
	started time.Time

	progress func(Progress)
	at       Progress
	events   []string

	model   *openModel // of variant modelOf; nil = none is open
	modelOf int
	judge   *fit.Classifier // the probe that was used last
	judgeOf store.Key
	cached  int // units that needed no forward pass
}

func newRun(ctx context.Context, plan Plan, folder *store.Folder, progress func(Progress)) (*run, error) {
	if err := plan.complete(); err != nil {
		return nil, err
	}
	r := &run{plan: plan, folder: folder, progress: progress, started: time.Now(), modelOf: -1}
	var err error
	if r.held, err = newHeld(ctx, &r.plan); err != nil {
		return nil, err
	}
	if r.spec, err = newSpec(ctx, &r.plan, r.held); err != nil {
		return nil, errors.Join(err, r.held.close())
	}
	return r, nil
}

func (r *run) close() {
	r.closeModel()
	if r.held == nil {
		return
	}
	if err := r.held.close(); err != nil {
		r.event(err.Error())
	}
}

func (r *run) tell(what string) {
	r.at.What = what
	if r.progress != nil {
		r.progress(r.at)
	}
}

// event notes what the user should know, but the result does not depend on.
func (r *run) event(what string) { r.events = append(r.events, what) }

// open reports whether something is left to be done with the unit's features.
func (r *run) open(u unit.Unit) bool {
	if u.View.Role == unit.Training && !r.folder.Has(unit.Probe, r.spec.Probe(u.Variant)) {
		return true
	}
	if u.View.Role == unit.Training && !r.spec.HeldOut() {
		return false
	}
	return !r.folder.Has(unit.Scores, r.spec.Scores(u.Variant, u.View))
}

// extracted reports whether the unit's features are in the folder.
func (r *run) extracted(u unit.Unit) bool {
	return r.folder.Has(unit.Features, r.spec.Features(u.Variant, u.View))
}

// count finds out how much there is to be done.
func (r *run) count() {
	for _, u := range r.spec.Units() {
		if !r.open(u) || r.extracted(u) {
			r.cached++
			continue
		}
		r.at.TotalUnits++
		r.at.TotalSamples += u.Samples
	}
}

// work does the units of the run's share, and then whatever is left: what other workers were
// at, and what waited for them. With other shares that is the part of the last one, and of
// whoever collects.
func (r *run) work(ctx context.Context) error {
	units := r.spec.Units()
	for _, u := range r.plan.Share.Order(units) {
		if err := r.do(ctx, u); err != nil {
			return err
		}
	}
	if r.plan.Share.Count > 1 && slices.ContainsFunc(units, func(u unit.Unit) bool { return r.open(u) && !r.extracted(u) }) {
		return nil // another share will be the last
	}
	for _, u := range units {
		if err := r.finish(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// do does a unit, unless another worker is at it.
func (r *run) do(ctx context.Context, u unit.Unit) error {
	if err := ctx.Err(); err != nil || !r.open(u) {
		return err
	}
	if !r.plan.KeepFeatures || r.extracted(u) {
		// What is not kept helps nobody else, and what is there needs no model.
		return r.finish(ctx, u)
	}
	claim, ok, err := r.folder.Claim(unit.Features, r.spec.Features(u.Variant, u.View))
	if err != nil || !ok {
		return err
	}
	defer claim.Release()
	return r.finish(ctx, u)
}

// finish does all that is left of a unit: its features, and what can be made of them.
func (r *run) finish(ctx context.Context, u unit.Unit) error {
	if !r.open(u) {
		return nil
	}
	f, err := r.features(ctx, u)
	if err != nil {
		return err
	}
	if u.View.Role == unit.Training {
		r.tell(r.spec.Variants[u.Variant].ID + ": probe")
		err = r.fit(ctx, u.Variant, f)
	} else {
		err = r.score(u, f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.spec.Variants[u.Variant].ID, err)
	}
	return nil
}

// features loads the features of a unit, or runs the model.
func (r *run) features(ctx context.Context, u unit.Unit) (*feature.Set, error) {
	if r.held == nil { // a collector has neither models nor data
		f, err := r.stored(r.spec.Features(u.Variant, u.View))
		if f == nil && err == nil {
			err = &missingError{r.spec.Variants[u.Variant].ID + ": " + r.spec.Name(u.View)}
		}
		return f, err
	}
	return r.featuresOf(ctx, u.Variant, r.spec.Cell(u.View).SHA256, r.spec.Name(u.View),
		func() (datasets.Dataset, error) { return r.held.get(ctx, u.View) })
}

// stored returns features of the folder, nil if they are not there.
func (r *run) stored(key store.Key) (*feature.Set, error) {
	var f *feature.Set
	_, err := load(r.folder, r.event, unit.Features, key, func(in io.ReaderAt, size int64) (err error) {
		f, err = feature.Read(in, size)
		return err
	})
	return f, err
}

// featuresOf loads the features of a data set under a variant, or runs the model. data opens
// the set, whose hash is given, only if it is needed; name says what it is.
func (r *run) featuresOf(ctx context.Context, v int, hash, name string, data func() (datasets.Dataset, error)) (*feature.Set, error) {
	key := r.spec.FeaturesOf(v, hash)
	if f, err := r.stored(key); f != nil || err != nil {
		return f, err
	}
	start := time.Now()
	if err := r.openModel(ctx, v); err != nil {
		return nil, err
	}
	what := r.model.ID() + ": " + name
	r.tell(what)
	ds, err := data()
	if err != nil {
		return nil, err
	}
	before := r.at.Samples
	f, err := r.model.extract(ctx, &r.plan, ds, func(done int) {
		r.at.Samples = before + done
		r.tell(what)
	})
	if err != nil {
		return nil, err
	}
	f.Meta.DataHash = hash
	r.at.Units++
	r.tell(what)
	if r.plan.KeepFeatures {
		if err := r.folder.Save(unit.Features, key, f.Write); err != nil {
			return nil, err
		}
	}
	return f, r.record(unit.Features, key, v, name, start)
}

// openModel opens the model of a variant, in the place of the one that is open.
func (r *run) openModel(ctx context.Context, v int) error {
	if r.modelOf == v {
		return nil
	}
	r.closeModel()
	r.tell(r.spec.Variants[v].ID + ": model")
	m, err := open(ctx, r.plan.Engine, r.plan.Variants[v], r.plan.Tensor)
	if err != nil {
		return err
	}
	r.model, r.modelOf = m, v
	return r.checkViews(ctx)
}

func (r *run) closeModel() {
	if r.model != nil {
		if err := r.model.ex.Close(); err != nil {
			r.event(err.Error())
		}
		r.model, r.modelOf = nil, -1
		collectGarbage()
	}
}

// collectGarbage is for the moments between a model, a fit, and the next: little is in use, and
// much is about to be. Without it, some of 1,000 variants meet the collector where it is most in
// the way, and a sweep of the smallest models takes 10 % more memory than one of 50 variants; with
// it 4 % more, and 2 to 3 % more time.
func collectGarbage() { runtime.GC() }

// checkViews finds out before data passes that the model cannot take what a corruption
// leaves of a cloud: one that was exported for a fixed number of points.
func (r *run) checkViews(ctx context.Context) error {
	for _, w := range r.spec.Views() {
		ds, cell := r.held.source(w).data, r.spec.Cell(w)
		if cell.Corruption == "" {
			if err := r.model.check(ctx, ds, r.plan.Layout); err != nil {
				return err
			}
			continue
		}
		var s datasets.Sample
		if err := ds.Read(ctx, &s, 0); err != nil {
			return err
		}
		if probe.CheckInput(r.model.ex.Input(), r.plan.Layout, &s) != nil {
			points, _ := s.Points()
			return fault.Inputf("%s: the model takes a fixed number of points (input %v), but %s leaves %d; "+
				"export it with a dynamic number, or choose corruptions that keep all points",
				r.model.ID(), r.model.ex.Input().Shape, cell, points)
		}
	}
	return nil
}

// entry is a line of the journal.
type entry struct {
	Unit    string    `json:"unit"`
	Key     store.Key `json:"key"`
	Variant string    `json:"variant"`
	Data    string    `json:"data"`
	Seconds float64   `json:"seconds"`
	End     string    `json:"end"` // RFC 3339
	CPUs    int       `json:"cpus"`
}

func (r *run) record(kind string, key store.Key, v int, data string, start time.Time) error {
	return r.folder.Record(entry{kind, key, r.spec.Variants[v].ID, data,
		time.Since(start).Seconds(), time.Now().UTC().Format(time.RFC3339), runtime.NumCPU()})
}

// maxTries is how often a result is begun anew because a unit turns out to be damaged. Each time
// finds one, and makes it again, so more than this would be a disk that is beyond help.
func maxTries(s *unit.Spec) int { return 3 * len(s.Units()) }

// outcome makes the result, if all units are there.
func (r *run) outcome(ctx context.Context) (*Outcome, error) {
	out := &Outcome{NCached: r.cached}
	r.closeModel() // its memory is better used for the result
	for tries := 1; ; tries++ {
		if out.Missing = r.missing(); out.Missing > 0 && r.plan.Share.Count > 1 {
			break
		}
		var err error
		out.Result, err = newResult(ctx, r.spec, r.folder, r.event)
		if err == nil {
			break
		}
		if !isMissing(err) || tries > maxTries(r.spec) {
			return nil, err
		}
		// A unit was damaged, and load has removed it.
		if err := r.work(ctx); err != nil {
			return nil, err
		}
	}
	out.Events = slices.Compact(r.events)
	out.Seconds = time.Since(r.started).Seconds()
	return out, nil
}

// missing counts the units that are not finished.
func (r *run) missing() (n int) {
	for _, u := range r.spec.Units() {
		if r.open(u) {
			n++
		}
	}
	return n
}
