package bench

import (
	"context"
	"io"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/store"
)

// FitSettings are the options of a fit that change the probe.
type FitSettings struct {
	Solver       string    `json:"solver"`
	C            float64   `json:"C"`
	Standardize  bool      `json:"standardize"`
	Balanced     bool      `json:"balanced,omitempty"`
	ClassWeights []float64 `json:"class_weights,omitempty"`
	Neighbors    int       `json:"neighbors,omitempty"`
	Hidden       []int     `json:"hidden,omitempty"`
	Dropout      float64   `json:"dropout,omitempty"`
	Epochs       int       `json:"epochs,omitempty"`
	Seed         uint64    `json:"seed,omitempty"`
	MaxIter      int       `json:"max_iter,omitempty"`
	Tol          float64   `json:"tol,omitempty"`
}

// newFitSettings returns the settings of opt, with the defaults that people look for
// filled in.
func newFitSettings(opt probe.FitOptions) FitSettings {
	s := FitSettings{opt.Solver, opt.C, opt.Standardize, opt.Balanced, opt.ClassWeights, opt.Neighbors, opt.Hidden,
		opt.Dropout, opt.Epochs, opt.Seed, opt.MaxIter, opt.Tol}
	if s.Solver == "" {
		s.Solver = "logistic"
	}
	if s.C == 0 {
		s.C = 1
	}
	return s
}

// options are the fit options of which s are the settings.
func (s FitSettings) options() probe.FitOptions {
	return probe.FitOptions{Solver: s.Solver, C: s.C, Standardize: s.Standardize, Balanced: s.Balanced, ClassWeights: s.ClassWeights,
		Neighbors: s.Neighbors, Hidden: s.Hidden, Dropout: s.Dropout, Epochs: s.Epochs, Seed: s.Seed, MaxIter: s.MaxIter, Tol: s.Tol}
}

// fit fits a probe from start, which may be nil. The time that it took is forgotten, so
// that equal inputs give equal probes.
func fit(ctx context.Context, f *probe.Features, opt probe.FitOptions, start *probe.Classifier) (*probe.Classifier, error) {
	opt.Init = start
	cl, report, err := probe.Fit(ctx, f, opt)
	if err != nil {
		return nil, err
	}
	report.Seconds = 0
	cl.Meta.Fit = &report
	return cl, nil
}

// fit makes the probes of a variant, and scores what is held out. Where the probe that one
// starts from is not there yet, that is left for later.
func (r *run) fit(ctx context.Context, v int, f *probe.Features) error {
	opt := r.spec.Settings.Fit.options()
	opt.Workers = r.plan.Fit.Workers
	var start *probe.Classifier
	if chained := r.spec.Settings.WarmStart && v > 0; chained {
		before := r.spec.probe(v - 1)
		if r.spec.heldOut() {
			before = r.spec.heldProbe(v - 1)
		}
		var err error
		if start, err = r.probe(before); start == nil || err != nil {
			return err
		}
	}
	if r.spec.heldOut() {
		var err error
		if start, err = r.fitHeld(ctx, v, f, opt, start); err != nil {
			return err
		}
	}
	_, err := r.fitOnce(ctx, r.spec.probe(v), v, f, opt, start)
	return err
}

// fitHeld fits the probe that is validated and scores it.
func (r *run) fitHeld(ctx context.Context, v int, f *probe.Features, opt probe.FitOptions, start *probe.Classifier) (*probe.Classifier, error) {
	rest, held := datasets.SplitStratified(f.Y, validationFraction, r.spec.Settings.Seed)
	cl, err := r.fitOnce(ctx, r.spec.heldProbe(v), v, f.Subset(rest, restWhy), opt, start)
	if err != nil {
		return nil, err
	}
	key := r.spec.scores(v, view{role: training})
	if r.folder.Has(scoresUnit, key) {
		return cl, nil
	}
	return cl, r.saveScores(key, cl, f.Subset(held, heldWhy))
}

// fitOnce returns the probe of that key, fitted or from the folder.
func (r *run) fitOnce(ctx context.Context, key store.Key, v int, f *probe.Features, opt probe.FitOptions, start *probe.Classifier) (*probe.Classifier, error) {
	if cl, err := r.probe(key); cl != nil || err != nil {
		return cl, err
	}
	collectGarbage()
	began := time.Now()
	cl, err := fit(ctx, f, opt, start)
	if err != nil {
		return nil, err
	}
	if err := r.folder.Save(probeUnit, key, cl.Write); err != nil {
		return nil, err
	}
	r.judge, r.judgeOf = cl, key
	return cl, r.record(probeUnit, key, v, "training data", began)
}

// probe returns a probe of the folder, nil if it is not there.
func (r *run) probe(key store.Key) (*probe.Classifier, error) {
	if r.judgeOf == key {
		return r.judge, nil
	}
	var cl *probe.Classifier
	ok, err := load(r.folder, r.event, probeUnit, key, func(in io.ReaderAt, size int64) (err error) {
		cl, err = probe.ReadClassifier(in, size)
		return err
	})
	if !ok || err != nil {
		return nil, err
	}
	r.judge, r.judgeOf = cl, key
	return cl, nil
}

// score scores the features of a unit. Where the probe is not there yet, because another
// worker has its training data, that is left for later.
func (r *run) score(u unit, f *probe.Features) error {
	key := r.spec.scores(u.variant, u.view)
	if r.plan.OwnHead {
		p, err := ownHead(f)
		if err != nil {
			return err
		}
		return r.folder.Save(scoresUnit, key, func(w io.Writer) error { return p.write(w, nil) })
	}
	cl, err := r.probe(r.spec.judge(u.variant, u.view))
	if cl == nil || err != nil {
		return err
	}
	return r.saveScores(key, cl, f)
}

func (r *run) saveScores(key store.Key, cl *probe.Classifier, f *probe.Features) error {
	p, err := Predict(cl, f)
	if err != nil {
		return err
	}
	return r.folder.Save(scoresUnit, key, func(w io.Writer) error { return p.write(w, cl.Meta.Unseen) })
}
