package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/protocol"
)

// A timed fit that passes over its rows a fixed number of times does so at first timedEpochs times, and more often until
// it is longEnough: of a small network's fit of 5 epochs, four fifths were what a fit takes beside its epochs.
const (
	timedEpochs = 5
	longEnough  = 20 * time.Millisecond
)

// missingFits returns the fits of heads and protocols whose results are not in the folder, with those of the landscape.
func (r *run) missingFits() (list []protocol.Fits, err error) {
	if r.landscape != nil {
		if list, err = r.landscape.missingFits(); err != nil {
			return nil, err
		}
	}
	if r.spec.Settings.Train == nil {
		return list, nil
	}
	for _, u := range r.spec.Units() {
		switch u.View.Role {
		case unit.Training:
			list = append(list, r.missingHeads(u)...)
		case unit.OnTransfer:
			for _, task := range r.pendingTasks(u) {
				t := r.plan.Transfers[u.View.Set]
				how, err := lookupTask(task, len(t.Folds) > 0)
				if err != nil {
					return nil, err
				}
				list = append(list, how.Fits(t.size(task)))
			}
		}
	}
	return list, nil
}

// missingHeads returns the fits of a variant's heads.
func (r *run) missingHeads(u unit.Unit) (list []protocol.Fits) {
	classes := countClasses(r.plan.Train)
	add := func(opt fit.Options, rows int) {
		opt.Workers = r.plan.Fit.Workers
		list = append(list, protocol.Fits{Count: 1, Rows: rows, Classes: classes, Options: opt})
	}
	if !r.folder.Has(unit.Probe, r.spec.Probe(u.Variant)) {
		add(r.spec.Settings.Fit, u.Samples)
	}
	for h, set := range r.spec.Settings.Probes[:r.spec.Further(u.View)] {
		if !r.folder.Has(unit.Probe, r.spec.FurtherProbe(u.Variant, h)) {
			add(set.Fit, u.Samples)
		}
	}
	return list
}

// size returns the size of the data that a task is measured on.
func (t Transfer) size(task result.TransferTask) (n protocol.Size) {
	train, test := t.Train, t.Test
	for _, f := range t.Folds {
		if f.Task == task.Name {
			train, test, n.Folds = f.Train, f.Test, n.Folds+1
		}
	}
	n.Train, n.Classes = train.Len(), countClasses(train)
	if test != nil {
		n.Test = test.Len()
	}
	return n
}

func countClasses(ds datasets.Dataset) int {
	seen := map[int64]bool{}
	for i := range ds.Len() {
		seen[ds.Label(i)] = true
	}
	return len(seen)
}

// timeFits estimates the seconds of fits from one small fit of every kind, on features of a few training samples.
func timeFits(ctx context.Context, fits []protocol.Fits, f *feature.Set) (seconds float64, err error) {
	costs := map[string]fitCost{}
	for _, x := range fits {
		kind, err := json.Marshal(x.Options)
		if err != nil {
			return 0, err
		}
		cost, known := costs[string(kind)]
		if !known {
			if cost, err = timeFit(ctx, x.Options, f); err != nil {
				return 0, err
			}
			costs[string(kind)] = cost
		}
		seconds += cost.of(x)
	}
	return seconds, nil
}

// fitCost is the time of a kind of fit.
type fitCost struct {
	fit     float64 // seconds for each row and class
	predict float64 // seconds for each tested row, and each training row of classifiers that keep them
	keeps   bool    // the classifier keeps its training rows
}

func (c fitCost) of(x protocol.Fits) float64 {
	seconds, tested := c.fit*float64(x.Rows*x.Classes), c.predict*float64(x.Tested)
	if c.keeps {
		tested *= float64(x.Rows)
	}
	return float64(x.Count) * (seconds + tested)
}

// timeFit times a fit on all rows of f, with few epochs, and its predictions for them.
func timeFit(ctx context.Context, opt fit.Options, f *feature.Set) (c fitCost, err error) {
	solver, err := fit.LookupSolver(cmp.Or(opt.Solver, fit.DefaultSolver))
	if err != nil {
		return c, err
	}
	all := 1
	if solver.Epochs {
		all = cmp.Or(opt.Epochs, fit.DefaultEpochs)
		opt.Epochs = min(all, timedEpochs)
	}
	cl, seconds, err := fastestFit(ctx, opt, f)
	for err == nil && solver.Epochs && opt.Epochs < all && seconds < longEnough.Seconds() {
		opt.Epochs = min(all, 4*opt.Epochs)
		cl, seconds, err = fastestFit(ctx, opt, f)
	}
	if err != nil {
		return c, err
	}
	if solver.Epochs {
		seconds *= float64(all) / float64(opt.Epochs)
	}
	began := time.Now()
	if _, err := result.Predict(cl, f); err != nil {
		return c, err
	}
	rows, classes := float64(f.Len()), float64(len(cl.Classes)-len(cl.Meta.Unseen))
	c = fitCost{fit: seconds / rows / classes, predict: time.Since(began).Seconds() / rows, keeps: cl.Neighbors != nil}
	if c.keeps {
		c.predict /= rows
	}
	return c, nil
}

// fastestFit fits twice, because the first fit may wait for memory, and returns the shorter time.
func fastestFit(ctx context.Context, opt fit.Options, f *feature.Set) (cl *fit.Classifier, seconds float64, err error) {
	seconds = math.Inf(1)
	for range 2 {
		began := time.Now()
		if cl, _, err = fit.Fit(ctx, f, opt); err != nil {
			return nil, 0, err
		}
		seconds = min(seconds, time.Since(began).Seconds())
	}
	return cl, seconds, nil
}
