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
	data    *runData
	started time.Time

	progress func(Progress)
	at       Progress
	events   []string
	saidPool bool

	model        *openModel // of variant modelOf; nil = none
	modelOf      int
	lastProbe    *fit.Classifier // the probe used last, for reuse
	lastProbeKey store.Key
	cached       int // units that needed no forward pass

	landscape *run // of the points of the plan's landscape; nil = none
}

func newRun(ctx context.Context, plan Plan, folder *store.Folder, progress func(Progress)) (*run, error) {
	if err := plan.complete(); err != nil {
		return nil, err
	}
	r := &run{plan: plan, folder: folder, progress: progress, started: time.Now(), modelOf: -1}
	var err error
	if r.data, err = newRunData(ctx, &r.plan); err != nil {
		return nil, err
	}
	if r.spec, err = newSpec(ctx, &r.plan, r.data); err != nil {
		return nil, errors.Join(err, r.data.close())
	}
	if err := r.addLandscape(ctx); err != nil {
		return nil, errors.Join(err, r.data.close())
	}
	return r, nil
}

func (r *run) close() {
	r.closeModel()
	if r.landscape != nil {
		r.landscape.close()
	}
	if r.data == nil {
		return
	}
	if err := r.data.close(); err != nil {
		r.event(err.Error())
	}
}

func (r *run) reportProgress(what string) {
	r.at.What = what
	if r.progress != nil {
		r.progress(r.at)
	}
}

// event records what the user should know and the result does not depend on.
func (r *run) event(what string) { r.events = append(r.events, what) }

// sayPool says once how features are pooled.
func (r *run) sayPool(m feature.Meta) {
	if m.Pool != nil && !r.saidPool && len(m.Data.History) > 0 {
		r.saidPool = true
		r.event(m.Data.History[len(m.Data.History)-1])
	}
}

// told returns the events, with one for all units that do not say which they are.
func (r *run) told() []string {
	if r.landscape != nil {
		r.events = append(r.events, r.landscape.events...)
		r.landscape.events = nil
	}
	if n := r.folder.Unnamed(); n > 0 {
		r.event(fmt.Sprintf("%d stored results are of an earlier version, whose files do not say what they hold: "+
			"files whose names were exchanged would not be noticed", n))
	}
	return slices.Compact(r.events)
}

// pending reports whether something that depends on the unit's features is missing.
func (r *run) pending(u unit.Unit) bool {
	switch u.View.Role {
	case unit.Training:
		return !r.folder.Has(unit.Probe, r.spec.Probe(u.Variant)) || r.furtherPending(u)
	case unit.OnTransfer:
		return len(r.pendingTasks(u)) > 0
	}
	return !r.folder.Has(unit.Scores, r.spec.Scores(u.Variant, u.View)) || r.headPending(u) || r.furtherPending(u)
}

// extracted reports whether the folder has the unit's features.
func (r *run) extracted(u unit.Unit) bool {
	if u.View.Role == unit.OnTransfer {
		return r.transferExtracted(u)
	}
	return r.folder.Has(unit.Features, r.spec.Features(u.Variant, u.View)) && !r.headPending(u)
}

// count counts the pending units and their samples, with those of the landscape.
func (r *run) count() {
	for _, u := range r.spec.Units() {
		if !r.pending(u) || r.extracted(u) {
			r.cached++
			continue
		}
		r.at.TotalUnits++
		r.at.TotalSamples += u.Samples
	}
	if l := r.landscape; l != nil {
		l.count()
		r.cached += l.cached
		r.at.TotalUnits += l.at.TotalUnits
		r.at.TotalSamples += l.at.TotalSamples
	}
}

// work processes the units of the run's share, those of the models first and then those of the landscape.
func (r *run) work(ctx context.Context) error {
	if err := r.workOnModels(ctx); err != nil || r.landscape == nil {
		return err
	}
	r.closeModel() // one model is open at a time
	defer r.landscape.closeModel()
	return r.landscape.work(ctx)
}

// workOnModels processes the units of the run's share, and then all that are pending: those that other workers had claimed,
// and those that depend on them. With several shares, the last one does that, or Collect.
func (r *run) workOnModels(ctx context.Context) error {
	units := r.spec.Units()
	for _, u := range r.plan.Share.Order(units) {
		if err := r.claimAndProcess(ctx, u); err != nil {
			return err
		}
	}
	if r.plan.Share.Count > 1 && slices.ContainsFunc(units,
		func(u unit.Unit) bool { return r.pending(u) && !r.extracted(u) }) {
		return nil // another share is still working
	}
	for _, u := range units {
		if err := r.process(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// claimAndProcess processes a unit, unless another worker has claimed it.
func (r *run) claimAndProcess(ctx context.Context, u unit.Unit) error {
	if err := ctx.Err(); err != nil || !r.pending(u) {
		return err
	}
	if !r.plan.KeepFeatures || r.extracted(u) {
		// Without KeepFeatures no other worker can use the features, and stored features need no model; a claim would
		// be useless.
		return r.process(ctx, u)
	}
	claim, ok, err := r.folder.Claim(unit.Features, r.spec.Features(u.Variant, u.View))
	if err != nil || !ok {
		return err
	}
	defer claim.Release()
	return r.process(ctx, u)
}

// process computes all that is missing of a unit: its features, and what depends on them.
func (r *run) process(ctx context.Context, u unit.Unit) error {
	if !r.pending(u) {
		return nil
	}
	if u.View.Role == unit.OnTransfer {
		return r.transfer(ctx, u)
	}
	f, err := r.features(ctx, u)
	if err != nil {
		return err
	}
	if u.View.Role == unit.Training {
		r.reportProgress(r.spec.Variants[u.Variant].ID + ": probe")
		if err = r.fit(ctx, u.Variant, f); err == nil {
			err = r.fitFurther(ctx, u.Variant, f)
		}
	} else {
		if err = r.score(ctx, u, f); err == nil {
			err = r.scoreFurther(u, f)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.spec.Variants[u.Variant].ID, err)
	}
	return nil
}

// features returns the features of a unit, from the folder or by the model; of a transfer set those of one part.
func (r *run) features(ctx context.Context, u unit.Unit) (*feature.Set, error) {
	if r.data == nil { // Collect has neither models nor data
		f, err := r.stored(r.spec.Features(u.Variant, u.View))
		if f == nil && err == nil {
			err = &missingError{r.spec.Variants[u.Variant].ID + ": " + r.spec.Name(u.View)}
		}
		return f, err
	}
	return r.featuresOf(ctx, u.Variant, r.spec.Cell(u.View).SHA256, r.spec.Name(u.View), r.headPending(u),
		func() (datasets.Dataset, error) { return r.data.get(ctx, u.View) })
}

// stored returns features of the folder; nil if they do not exist.
func (r *run) stored(key store.Key) (*feature.Set, error) {
	var f *feature.Set
	_, err := loadUnit(r.folder, r.event, unit.Features, key, func(in io.ReaderAt, size int64) (err error) {
		f, err = feature.ReadRows(in, size)
		return err
	})
	return f, err
}

// featuresOf returns the features of a data set under a variant, from the folder or by the model. data returns the
// set, whose hash is given, and is called only if the model runs; name is for progress. With head, the scores of the
// own head are made, too, which needs a pass.
func (r *run) featuresOf(ctx context.Context, v int, hash, name string, head bool,
	data func() (datasets.Dataset, error)) (*feature.Set, error) {
	key := r.spec.FeaturesOf(v, hash)
	if !head {
		if f, err := r.stored(key); f != nil || err != nil {
			return f, err
		}
	}
	start := time.Now()
	if err := r.openModel(ctx, v); err != nil {
		return nil, err
	}
	what := r.model.ID() + ": " + name
	r.reportProgress(what)
	ds, err := data()
	if err != nil {
		return nil, err
	}
	before := r.at.Samples
	f, err := r.model.extract(ctx, &r.plan, ds, func(done int) {
		r.at.Samples = before + done
		r.reportProgress(what)
	})
	if err != nil {
		return nil, err
	}
	f.Meta.DataHash = hash
	r.sayPool(f.Meta)
	scores, err := splitScores(f, r.model.scores)
	if err != nil {
		return nil, err
	}
	if head {
		if err := r.saveHead(v, hash, scores); err != nil {
			return nil, err
		}
	}
	r.at.Units++
	r.reportProgress(what)
	if r.plan.KeepFeatures {
		if err := r.folder.Save(unit.Features, key, f.Write); err != nil {
			return nil, err
		}
	}
	return f, r.record(unit.Features, key, v, name, start)
}

// openModel opens the model of a variant and closes the one that was open.
func (r *run) openModel(ctx context.Context, v int) error {
	if r.modelOf == v {
		return nil
	}
	r.closeModel()
	r.reportProgress(r.spec.Variants[v].ID + ": model")
	m, err := openVariant(ctx, &r.plan, r.plan.all()[v], r.plan.Tensor)
	if err != nil {
		return err
	}
	r.model, r.modelOf = m, v
	if err := r.checkViews(ctx); err != nil || !r.plan.CheckBatch {
		return err
	}
	if err := probe.CheckBatch(ctx, m.ex, r.plan.Tests[0].Data, r.plan.Layout, r.plan.Batch); err != nil {
		return fmt.Errorf("%s: %w", m.ID(), err)
	}
	return nil
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

// collectGarbage is called between models and fits, when little memory is in use. Without it, the collector of some
// of 1,000 variants runs when most is in use, and a sweep of the smallest models takes 10 % more memory than one of
// 50 variants; with it 4 % more, and 2 to 3 % more time.
func collectGarbage() { runtime.GC() }

// checkViews returns an error, before data is passed, if the model cannot take what a corruption leaves of a cloud,
// because it was exported for a fixed number of points.
func (r *run) checkViews(ctx context.Context) error {
	for _, w := range r.spec.Views() {
		if w.Role == unit.OnTransfer {
			if err := r.checkParts(ctx, w); err != nil {
				return err
			}
			continue
		}
		ds, cell := r.data.source(w).data, r.spec.Cell(w)
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
		if err := probe.CheckInput(r.model.ex.Inputs(), ds.Info(), r.plan.Layout, &s); err != nil {
			points, isCloud := s.Points()
			if !isCloud {
				return fmt.Errorf("%s: %s: sample 0 %w", r.model.ID(), ds.Info().Name, err)
			}
			return fault.Inputf("%s: the model takes a fixed number of points (input %v), but %s leaves %d; "+
				"export it with a dynamic number, or choose corruptions that keep all points",
				r.model.ID(), probe.Samples(r.model.ex.Inputs(), ds.Info()).Shape, cell, points)
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

// maxTries is how often a result is begun again because a unit is damaged. Each time removes one damaged unit, which
// is computed again; more attempts mean a failing disk.
func maxTries(s *unit.Spec) int { return 3 * s.Total() }

// outcome makes the result if no unit is missing.
func (r *run) outcome(ctx context.Context) (*Outcome, error) {
	out := &Outcome{NCached: r.cached}
	r.closeModel() // frees its memory for making the result
	for tries := 1; ; tries++ {
		if out.Missing = r.missing(); out.Missing > 0 && r.plan.Share.Count > 1 {
			break
		}
		err := r.measureWeights(ctx)
		if err != nil {
			return nil, err
		}
		out.Result, err = newResult(ctx, r.spec, r.folder, r.event)
		if err == nil {
			break
		}
		if !isMissing(err) || tries > maxTries(r.spec) {
			return nil, err
		}
		// loadUnit has removed a damaged unit.
		if err := r.work(ctx); err != nil {
			return nil, err
		}
	}
	if out.Result != nil {
		if err := r.saveSamples(ctx, out.Result); err != nil {
			return nil, err
		}
	}
	out.Events = r.told()
	out.Seconds = time.Since(r.started).Seconds()
	return out, nil
}

// missing counts the units that are not finished.
func (r *run) missing() (n int) {
	for _, u := range r.spec.Units() {
		if r.pending(u) {
			n++
		}
	}
	if r.landscape != nil {
		n += r.landscape.missing()
	}
	return n
}
