package wiseft

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// SweepOptions says over which merges a sweep goes, and how each is measured.
type SweepOptions struct {
	Merge  MergeOptions // Merge.Params has the parameters that all merges share; Merge.Monitor is ignored
	Alphas []float64    // nil is 0, 0.1, ..., 1 if the method has a parameter alpha
	Grid   []GridAxis   // further parameters: all combinations are measured
	// Search finds the alpha that validation data would choose with about a third of the grid's forward passes, and
	// measures it and the ends alone.
	Search bool
	// NoProof leaves out the proof of the pairing by running, before anything is measured; see [MergePlan.Prove].
	NoProof bool
	// Floor is on how many draws of random weights a probe is fitted and scored, too: what the architecture alone reaches
	// ([onnxmerge.Plan.Fresh], running statistics reset on training data). 0 is none.
	Floor int
	// BothStatistics measures every mix with running variances that are mixed linearly, as published, and beside it with
	// standard deviations, if the models have any. Merge.Statistics must be "" or linear.
	BothStatistics bool
	// Landscape measures the loss on a plane of models, too; nil does not.
	Landscape *LandscapeOptions
	MeasureOptions
}

// GridAxis is a parameter of a merge method, and its values in a sweep.
type GridAxis struct {
	Name   string
	Values []float64
}

// MaxGrid is the largest number of values of a parameter, and of merges in a sweep.
const MaxGrid = 10000

// Sweep merges models for every alpha, fits a probe on the merged model's features of the training data, and scores
// it on test data, clean and corrupted (WiSE-FT-LP). Alpha is chosen on validation data. Models are merged in memory.
func Sweep(ctx context.Context, paths []string, opt SweepOptions) (_ *Measured, err error) {
	if opt.MeasureOptions, err = opt.withScore(); err != nil {
		return nil, err
	}
	plan, err := opt.plan("wiseft.sweep/1")
	if err != nil {
		return nil, err
	}
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.Search {
		plan.Choose.Rule = "accuracy"
	}
	opt.addConvention()
	points, err := opt.points()
	if err != nil {
		return nil, err
	}
	merge := opt.Merge
	merge.Monitor, merge.Params = opt.Monitor, withPoint(merge.Params, points[0])
	if opt.BothStatistics {
		if merge.Statistics == onnxmerge.Deviations {
			return nil, fault.Usagef("both rules of statistics are measured, so that none is named")
		}
		merge.Statistics = onnxmerge.Linear
	}
	merge.Repair = nil // every point has a repair of its own
	if !opt.NoProof {
		merge.Prove = &ProveOptions{Layout: opt.Layout, Runtime: opt.Runtime, Monitor: opt.Monitor}
	}
	merged, err := PlanMerge(ctx, paths, merge)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, merged.Close()) }()
	if err := merged.Err(); err != nil {
		return nil, err
	}
	for _, note := range merged.inputs.notes() {
		opt.Monitor.note(note)
	}
	deviations, err := opt.setStatistics(merged, &merge, plan)
	if err != nil {
		return nil, err
	}
	if merge.Prove != nil {
		if _, err := proveMerge(ctx, merged.Plan, merged.inputs[:len(paths)], *merge.Prove); err != nil {
			return nil, err
		}
	}
	last := merged.inputs[len(paths)-1]
	opt.forModel(last.Model, named(opt.Tensor)...)
	if plan.Tensor, err = opt.measuredTensor(ctx, last, merged.Backbone.Output); err != nil {
		return nil, err
	}
	cut, err := surgery.Cut(last.Model, plan.Tensor)
	if err != nil {
		return nil, aboutModel(last.path, err)
	}
	whole := mergeVariant{base: merged.Plan, inputs: merged.inputs, last: last, cut: cut, monitor: opt.Monitor,
		merge: merge, paths: paths, most: opt.Runtime.maxModel()}
	if err := opt.addHead(ctx, &whole, plan.Tensor); err != nil {
		return nil, err
	}
	plan.Heads = whole.classes > 0
	plan.Pooled = opt.pooled(last.Model, plan.Tensor)
	opt.forModel(last.Model, plan.Tensor)
	if err := opt.addStarts(ctx, plan, last); err != nil {
		return nil, err
	}
	samples, err := opt.repairs(ctx, whole)
	if err != nil {
		return nil, err
	}
	if opt.calibration, err = opt.Merge.calibrationSets(ctx, last.Model); err != nil {
		return nil, err
	}
	if plan.Variants, err = opt.variants(ctx, whole, samples, points, deviations); err != nil {
		return nil, err
	}
	if plan.Weights, err = weightsOfSweep(ctx, plan.Variants, opt.Monitor); err != nil {
		return nil, err
	}
	if plan.Controls, err = opt.floor(ctx, whole); err != nil {
		return nil, err
	}
	if opt.landscape, err = newLandscape(opt.Landscape, whole, samples); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opt.landscape.close()) }()
	return opt.measure(ctx, plan, merged.inputs.paths(), opt.Search)
}

// setStatistics sets by which rule a sweep mixes running variances. It returns the plan that mixes standard deviations,
// if variants of it are measured, too; else nil.
func (o SweepOptions) setStatistics(merged *MergePlan, merge *MergeOptions, plan *bench.Plan) (*onnxmerge.Plan, error) {
	other, err := merged.Plan.WithDeviations()
	if err != nil {
		return nil, err
	}
	plan.Method = merged.Method.Name
	hasStatistics := other != merged.Plan
	if merged.Plan, err = withDeviations(merged.Plan, merge, o.Monitor); err != nil {
		return nil, err
	}
	if !hasStatistics {
		return nil, nil
	}
	plan.Statistics = string(cmp.Or(merge.Statistics, onnxmerge.Linear))
	if !o.BothStatistics {
		return nil, nil
	}
	return other, nil
}

// withDeviations returns the plan of a sweep or a soup that does not say how running variances are mixed: as standard
// deviations, which is set in the options, too.
func withDeviations(plan *onnxmerge.Plan, opt *MergeOptions, monitor Monitor) (*onnxmerge.Plan, error) {
	if opt.Statistics != "" {
		return plan, nil
	}
	other, err := plan.WithDeviations()
	if err != nil || other == plan {
		return plan, err
	}
	opt.Statistics = onnxmerge.Deviations
	monitor.note("running variances are mixed as standard deviations; --norm-statistics linear mixes them as weights")
	return other, nil
}

// measuredTensor returns the tensor of a model that is measured: its features, or its class scores.
func (o MeasureOptions) measuredTensor(ctx context.Context, m *Model, headInput string) (tensor string, err error) {
	for _, d := range append(o.Tests, o.Train) {
		if err := d.checkInputs(m); err != nil {
			return "", err
		}
	}
	if o.OwnHead {
		tensor, err = m.Scores(o.Tensor)
	} else {
		tensor, err = m.featuresFor(ctx, o.Tensor, headInput, o.Train.asSplit("train"), o.Monitor)
	}
	if err != nil {
		return "", err
	}
	return tensor, m.checkBatch(tensor, o.Runtime, o.Monitor)
}

// defaultAlphas are 0, 0.1, ..., 1.
func defaultAlphas() []float64 {
	alphas := make([]float64, 11)
	for i := range alphas {
		alphas[i] = float64(i) / 10
	}
	return alphas
}

// check returns an error if a search or a landscape does not go with the other options.
func (o SweepOptions) check() error {
	if err := o.checkSearch(); err != nil {
		return err
	}
	return o.Landscape.check(&o)
}

// checkSearch returns an error if a search has no data, or another rule than its own.
func (o SweepOptions) checkSearch() error {
	switch {
	case !o.Search:
		return nil
	case !o.Score.isZero():
		return fault.Usagef("--search supports only accuracy, not --score").WithHint("leave out --search")
	case o.Val.isZero():
		return fault.Usagef("--search needs validation data").WithHint(bench.NeedsVal)
	case o.Choose.Rule != "" && o.Choose.Rule != "accuracy":
		return fault.Usagef("--search supports only the rule accuracy, not %s", o.Choose.Rule)
	}
	return nil
}

// repairs returns what repairs of the variants share; nil without repairs.
func (o SweepOptions) repairs(ctx context.Context, v mergeVariant) (*calibration, error) {
	if o.Merge.Repair == nil {
		return nil, nil
	}
	return newCalibration(ctx, v.base, v.last, *o.Merge.Repair, o.Merge.MemoryBytes)
}

// variants returns a variant like v for every point, and behind it the one by standard deviations and the repaired one,
// unless the point is one of the models. deviations and samples are nil without them. Parameters that cannot be are
// reported here, before anything is measured.
func (o SweepOptions) variants(ctx context.Context, v mergeVariant, samples *calibration, points [][]result.Param,
	deviations *onnxmerge.Plan) (list []bench.Variant, err error) {
	for _, v.point = range points {
		v.params = withPoint(o.Merge.Params, v.point)
		plan, err := v.plan()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if deviations != nil {
			if list, err = v.appendDeviations(ctx, list, deviations); err != nil {
				return nil, err
			}
		}
		if samples == nil {
			continue
		}
		changed, err := samples.changed(ctx, plan)
		if err != nil {
			return nil, err
		}
		if slices.Contains(changed, true) {
			list = append(list, repairedVariant{v, samples, changed})
		}
	}
	for _, warning := range v.base.Warnings {
		o.Monitor.note(warning)
	}
	return list, nil
}
