package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
)

// run is the state of one Run.
type run struct {
	plan       Plan
	cells      []cell
	rest, held []int // rows of Train when Val is nil: fitted on, validated on
	result     *Result
	started    time.Time

	progress func(Progress)
	at       Progress

	previous *probe.Classifier // where the next variant's probe starts
}

func newRun(ctx context.Context, plan Plan, progress func(Progress)) (*run, error) {
	if err := plan.complete(); err != nil {
		return nil, err
	}
	r := &run{plan: plan, progress: progress, started: time.Now()}
	var err error
	if r.cells, err = plan.cells(); err != nil {
		return nil, err
	}
	if err := r.hold(); err != nil {
		return nil, err
	}
	if r.result, err = newResult(ctx, &plan); err != nil {
		return nil, err
	}
	r.at.TotalUnits = (r.passes() + len(r.cells)) * len(plan.Variants)
	r.at.TotalSamples = (r.samples() + plan.Test.Len()*len(r.cells)) * len(plan.Variants)
	r.result.NUnits = r.at.TotalUnits
	return r, nil
}

// hold decides which samples of the training data validate, if there is no data for that.
func (r *run) hold() error {
	if r.plan.Val != nil {
		return nil
	}
	r.rest, r.held = datasets.SplitStratified(r.plan.Train, validationFraction, r.plan.Seed)
	if len(r.held) == 0 {
		return probe.InputErrorf("%s: no class has two samples, so no validation data can be split off",
			r.plan.Train.Info().Name)
	}
	return nil
}

// passes is how many data sets a model sees before it is tested.
func (r *run) passes() int {
	if r.plan.Val != nil {
		return 2
	}
	return 1
}

// samples is how many samples they have together.
func (r *run) samples() int {
	if r.plan.Val != nil {
		return r.plan.Train.Len() + r.plan.Val.Len()
	}
	return r.plan.Train.Len()
}

func (r *run) tell(what string) {
	r.at.What = what
	if r.progress != nil {
		r.progress(r.at)
	}
}

// member is a variant whose model is open.
type member struct {
	Variant
	ex     probe.Extractor
	sha256 string
	probe  *probe.Classifier
	result *ModelResult
}

func closeAll(members []*member) {
	for _, m := range members {
		m.ex.Close()
	}
}

// group measures some variants together.
func (r *run) group(ctx context.Context, variants []Variant) error {
	members, err := r.open(ctx, variants)
	defer closeAll(members)
	if err != nil {
		return err
	}
	if err := r.checkCells(ctx, members); err != nil {
		return err
	}
	if err := r.fit(ctx, members); err != nil {
		return err
	}
	for _, c := range r.cells {
		features, err := r.pass(ctx, members, c.data, c.String())
		if err != nil {
			return err
		}
		for i, m := range members {
			score, err := NewScore(m.probe, features[i])
			if err != nil {
				return fmt.Errorf("%s: %w", m.ID(), err)
			}
			m.result.add(c, score)
		}
	}
	for _, m := range members {
		r.result.Models = append(r.result.Models, m.result)
	}
	return nil
}

// checkCells finds out before anything runs that a model cannot take what a corruption
// leaves of a cloud: one that was exported for a fixed number of points.
func (r *run) checkCells(ctx context.Context, members []*member) error {
	var s datasets.Sample
	for _, c := range r.cells {
		if err := c.data.Read(ctx, &s, 0); err != nil {
			return err
		}
		for _, m := range members {
			err := probe.CheckInput(m.ex.Input(), r.plan.Layout, &s)
			if err == nil {
				continue
			}
			if c.corruption == "" {
				return fmt.Errorf("%s: %s: sample 0 %w", m.ID(), c.data.Info().Name, err)
			}
			points, _ := s.Points()
			return probe.InputErrorf("%s: the model takes a fixed number of points (input %v), but %s leaves %d; "+
				"export it with a dynamic number, or choose corruptions that keep all points",
				m.ID(), m.ex.Input().Shape, c, points)
		}
	}
	return nil
}

// open makes the group's models; those it returns beside an error are to be closed too.
func (r *run) open(ctx context.Context, variants []Variant) ([]*member, error) {
	var members []*member
	for _, v := range variants {
		if err := ctx.Err(); err != nil {
			return members, err
		}
		r.tell(v.ID() + ": model")
		model, err := v.Model(ctx)
		if err != nil {
			return members, fmt.Errorf("%s: %w", v.ID(), err)
		}
		ex, err := r.plan.Engine.Open(ctx, model, r.plan.Tensor)
		if err != nil {
			return members, fmt.Errorf("%s: %w", v.ID(), err)
		}
		sum := sha256.Sum256(model)
		m := &member{Variant: v, ex: ex, sha256: hex.EncodeToString(sum[:])}
		m.result = &ModelResult{ID: v.ID(), ModelSHA256: m.sha256, Corruptions: map[string]*CorruptionResult{}}
		if alpha, ok := v.Alpha(); ok {
			m.result.Alpha = &alpha
		}
		members = append(members, m)
	}
	return members, nil
}

// pass takes one data set through all members. Members whose models take inputs of
// one shape share every batch.
func (r *run) pass(ctx context.Context, members []*member, ds datasets.Dataset, what string) ([]*probe.Features, error) {
	all := make([]*probe.Features, len(members))
	for done := 0; done < len(members); {
		first := slices.Index(all, nil)
		var exs []probe.Extractor
		var at []int
		for i, m := range members {
			if all[i] == nil && slices.Equal(m.ex.Input().Shape, members[first].ex.Input().Shape) {
				exs, at = append(exs, m.ex), append(at, i)
			}
		}
		features, err := r.passAlike(ctx, exs, ds, what)
		if e, ok := errors.AsType[*probe.ModelError](err); ok {
			return nil, fmt.Errorf("%s: %w", members[at[e.Index]].ID(), err)
		}
		if err != nil {
			return nil, err
		}
		for j, i := range at {
			all[i] = features[j]
			all[i].Meta.Model, all[i].Meta.ModelSHA256 = members[i].ID(), members[i].sha256
		}
		done += len(at)
	}
	return all, nil
}

func (r *run) passAlike(
	ctx context.Context, exs []probe.Extractor, ds datasets.Dataset, what string,
) ([]*probe.Features, error) {
	before := r.at.Samples
	if len(exs) > 1 {
		what = fmt.Sprintf("%d models: %s", len(exs), what)
	}
	features, err := probe.ExtractAll(ctx, exs, ds, probe.ExtractOptions{
		Batch: r.plan.Batch, Layout: r.plan.Layout,
		// Corrupting is work, and the engine leaves half of the cores' time at best.
		Workers: max(1, runtime.GOMAXPROCS(0)/2),
		Progress: func(done, _ int) {
			r.at.Samples = before + done*len(exs)
			r.tell(what)
		},
		Meta: probe.Meta{Wiseft: r.plan.Version, Tensor: r.plan.Tensor, Runtime: r.plan.Engine.Runtime()},
	})
	if err != nil {
		return nil, err
	}
	r.at.Units += len(exs)
	r.tell(what)
	return features, nil
}

// extract returns every member's features of the training data, and of the validation
// data: nil where it is held back from the former.
func (r *run) extract(ctx context.Context, members []*member) (train, val []*probe.Features, err error) {
	if train, err = r.pass(ctx, members, r.plan.Train, "training data"); err != nil {
		return nil, nil, err
	}
	val = make([]*probe.Features, len(members))
	if r.plan.Val != nil {
		val, err = r.pass(ctx, members, r.plan.Val, "validation data")
	}
	return train, val, err
}

// fit trains, validates and retrains the probe of every member.
func (r *run) fit(ctx context.Context, members []*member) error {
	train, val, err := r.extract(ctx, members)
	if err != nil {
		return err
	}
	for i, m := range members {
		r.tell(m.ID() + ": probe")
		if err := r.fitMember(ctx, m, train[i], val[i]); err != nil {
			return fmt.Errorf("%s: %w", m.ID(), err)
		}
	}
	return nil
}

// fitMember sets the member's probe, fitted on all of train, and its validation
// accuracy: on val, or, where that is nil, on the part of train that was held back from
// a probe of its own.
func (r *run) fitMember(ctx context.Context, m *member, train, val *probe.Features) error {
	opt := r.plan.Fit
	if r.previous != nil && r.previous.Dim == train.Dim {
		opt.Init = r.previous
	}
	if val == nil {
		var err error
		if opt.Init, _, m.result.Validation, err = r.fitHeld(ctx, train, opt); err != nil {
			return err
		}
	}
	cl, report, err := probe.Fit(ctx, train, opt)
	if err != nil {
		return err
	}
	report.Seconds = 0 // equal plans give equal results
	m.probe, m.result.Probe, r.previous = cl, report, cl
	if val != nil {
		m.result.Validation, err = NewScore(cl, val)
	}
	return err
}

// fitHeld fits a probe without the samples that are held back, and scores it on these.
func (r *run) fitHeld(ctx context.Context, train *probe.Features, opt probe.FitOptions) (*probe.Classifier, probe.FitReport, *Score, error) {
	cl, report, err := probe.Fit(ctx, train.Subset(r.rest, "fitted on for choosing"), opt)
	if err != nil {
		return nil, report, nil, err
	}
	score, err := NewScore(cl, train.Subset(r.held, "held back for choosing"))
	return cl, report, score, err
}
