package bench

import (
	"context"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/store"
)

// Landscape is a plane of models whose loss is measured beside those of a plan. Its units are those of a plan of its own
// within the plan: a variant for every point, fitted on Train and scored on Val. It chooses nothing.
type Landscape struct {
	Plane    result.Landscape // without figures
	Variants []Variant        // of Plane.Points
	Train    datasets.Dataset // nil with Plan.OwnHead
	Val      datasets.Dataset // validation data, never test data
}

// plan returns the plan of the points.
func (l *Landscape) plan(p *Plan) Plan {
	return Plan{Schema: p.Schema, Variants: l.Variants, Engine: p.Engine, Tensor: p.Tensor, OwnHead: p.OwnHead,
		HeadLabels: p.HeadLabels, Start: p.Start, Train: l.Train, Tests: []Test{{Name: l.Plane.Data, Data: l.Val}},
		Seed: p.Seed, Fit: p.Fit, Layout: p.Layout, Pool: p.Pool, Batch: p.Batch, HeldBytes: p.HeldBytes,
		KeepFeatures: p.KeepFeatures, Share: p.Share, Version: p.Version}
}

// addLandscape adds the run of the plan's landscape.
func (r *run) addLandscape(ctx context.Context) (err error) {
	l := r.plan.Landscape
	if l == nil {
		return nil
	}
	if r.landscape, err = newRun(ctx, l.plan(&r.plan), r.folder, r.landscapeProgress); err != nil {
		return err
	}
	r.spec.Landscape = &unit.Landscape{Plane: l.Plane, Points: r.landscape.spec}
	return nil
}

// landscapeProgress reports the progress of the landscape behind that of the models.
func (r *run) landscapeProgress(p Progress) {
	if r.progress != nil {
		r.progress(Progress{Units: r.at.Units + p.Units, TotalUnits: r.at.TotalUnits, Samples: r.at.Samples + p.Samples,
			TotalSamples: r.at.TotalSamples, What: "landscape, " + p.What})
	}
}

// addLandscape adds the losses of the points to the result.
func (b *builder) addLandscape(ctx context.Context) error {
	of := b.spec.Landscape
	if of == nil {
		return nil
	}
	points := &builder{spec: of.Points, folder: b.folder, event: b.event}
	l := of.Plane
	l.Points = append([]result.LandscapePoint(nil), l.Points...)
	for v := range l.Points {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := points.scores(v, unit.View{Role: unit.OnTest})
		if err != nil {
			return err
		}
		s := p.Score()
		l.Points[v].Loss, l.Points[v].Accuracy = s.NLL, s.OA
	}
	l.SetBarrier()
	b.result.Landscape = &l
	return nil
}

// Choose returns the mix that the plan's rule chooses, by training and validation data alone. Its units stay in the folder
// for [Run]. progress may be nil.
func Choose(ctx context.Context, plan Plan, folder *store.Folder, progress func(Progress)) (*result.Chosen, error) {
	if len(plan.Vals) == 0 || plan.Choose.OnTest {
		return nil, fault.Usagef("a choice before test data is measured needs validation data").WithHint(NeedsVal)
	}
	plan.Landscape, plan.Controls, plan.Probes, plan.Transfers, plan.Share = nil, nil, nil, nil, unit.Share{}
	r, err := newRun(ctx, plan, folder, progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.saveStarts(); err != nil {
		return nil, err
	}
	for _, u := range r.spec.Units() {
		if u.View.Role != unit.Training && u.View.Role != unit.Validation {
			continue
		}
		if err := r.process(ctx, u); err != nil {
			return nil, err
		}
	}
	b := &builder{spec: r.spec, folder: folder, event: r.event, result: &result.Result{}}
	var list []choose.Candidate
	for v := range r.spec.Models() {
		m, val, err := b.validated(v)
		if err != nil {
			return nil, err
		}
		b.result.Models, list = append(b.result.Models, m), append(list, val)
	}
	return b.chosen(list), nil
}
