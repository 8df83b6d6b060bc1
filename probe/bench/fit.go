package bench

import (
	"context"
	"io"
	"time"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

// fitFrom fits a probe from start, which may be nil. The time is set to 0, so that equal inputs give equal probes.
func fitFrom(ctx context.Context, f *feature.Set, opt fit.Options, start *fit.Classifier) (*fit.Classifier, error) {
	opt.Init = start
	cl, report, err := fit.Fit(ctx, f, opt)
	if err != nil {
		return nil, err
	}
	report.Seconds = 0
	cl.Meta.Fit = &report
	return cl, nil
}

// fit makes the probe of a variant. If the probe that it starts from is missing, it does nothing; the unit stays
// pending.
func (r *run) fit(ctx context.Context, v int, f *feature.Set) error {
	opt := r.spec.Settings.Fit
	opt.Workers = r.plan.Fit.Workers
	from := store.Key(r.spec.Settings.Start)
	if r.spec.Settings.WarmStart && v > 0 {
		from = r.spec.Probe(v - 1)
	}
	return r.fitFromStored(ctx, r.spec.Probe(v), v, f, opt, from)
}

// fitFromStored makes the probe with that key, from a stored classifier; "" is zero. If that is missing, it does nothing.
func (r *run) fitFromStored(ctx context.Context, key store.Key, v int, f *feature.Set, opt fit.Options,
	from store.Key) (err error) {
	var start *fit.Classifier
	if from != "" {
		if start, err = r.probe(from); start == nil || err != nil {
			return err
		}
	}
	_, err = r.fitOnce(ctx, key, v, f, opt, start)
	return err
}

// fitOnce returns the probe with that key, from the folder or fitted.
func (r *run) fitOnce(ctx context.Context, key store.Key, v int, f *feature.Set, opt fit.Options,
	start *fit.Classifier) (*fit.Classifier, error) {
	if cl, err := r.probe(key); cl != nil || err != nil {
		return cl, err
	}
	collectGarbage()
	began := time.Now()
	cl, err := fitFrom(ctx, f, opt, start)
	if err != nil {
		return nil, err
	}
	if err := r.folder.Save(unit.Probe, key, cl.Write); err != nil {
		return nil, err
	}
	r.lastProbe, r.lastProbeKey = cl, key
	return cl, r.record(unit.Probe, key, v, "training data", began)
}

// probe returns a probe of the folder; nil if it does not exist.
func (r *run) probe(key store.Key) (*fit.Classifier, error) {
	if r.lastProbeKey == key {
		return r.lastProbe, nil
	}
	var cl *fit.Classifier
	ok, err := loadUnit(r.folder, r.event, unit.Probe, key, func(in io.ReaderAt, size int64) (err error) {
		cl, err = fit.ReadClassifier(in, size)
		return err
	})
	if !ok || err != nil {
		return nil, err
	}
	r.lastProbe, r.lastProbeKey = cl, key
	return cl, nil
}

// score scores the features of a unit. If the probe is missing, because another worker has its training data, it does
// nothing; the unit stays pending.
func (r *run) score(ctx context.Context, u unit.Unit, f *feature.Set) error {
	key := r.spec.Scores(u.Variant, u.View)
	if r.spec.Settings.Score != nil {
		return r.scoreOutputs(ctx, key, f)
	}
	if r.plan.OwnHead {
		p, err := result.OwnHead(f, r.spec.Settings.HeadLabels)
		if err != nil {
			return err
		}
		return r.folder.Save(unit.Scores, key, func(w io.Writer) error { return p.Write(w, nil) })
	}
	cl, err := r.probe(r.spec.Probe(u.Variant))
	if cl == nil || err != nil {
		return err
	}
	return r.saveScores(key, cl, f)
}

func (r *run) saveScores(key store.Key, cl *fit.Classifier, f *feature.Set) error {
	p, err := result.Predict(cl, f)
	if err != nil {
		return err
	}
	return r.folder.Save(unit.Scores, key, func(w io.Writer) error { return p.Write(w, cl.Meta.Unseen) })
}
