package wiseft

import (
	"context"
	"errors"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// DiffResult has the counterpart in model B of each weight of model A, and how far apart the two are.
type DiffResult struct {
	A string `json:"a"`
	B string `json:"b"`
	// Plot is the file of [DiffPlot]; "" without it.
	Plot string `json:"plot,omitempty"`
	*onnxmerge.Difference
	Norms *onnxmerge.Shrink `json:"norms,omitempty"` // of a linear mix at alpha .5, if running variances would be mixed
	Proof *Proof            `json:"proof,omitempty"` // of the pairs by running, with MergeOptions.Prove
	// Barrier says whether the models between the two work, by the class scores of their own head on labelled data; nil
	// unless it was measured with [MeasureBarrier].
	Barrier *result.Barrier `json:"barrier,omitempty"`
}

// MeasureBarrier merges two models at alpha 0, .25, .5, .75 and 1 and scores each merged model's own head on labelled
// data, clean: the barrier is the largest fall of accuracy below the line between the ends.
func MeasureBarrier(ctx context.Context, a, b string, opt MergeOptions, data Data, runtime RuntimeOptions,
	layout string) (*result.Barrier, error) {
	opt.Prove = nil
	run, err := Sweep(ctx, []string{a, b}, SweepOptions{Merge: opt, Alphas: []float64{0, 0.25, 0.5, 0.75, 1}, NoProof: true,
		MeasureOptions: MeasureOptions{OwnHead: true, Suite: "none", Tests: []Data{data}, Layout: layout, Runtime: runtime,
			Monitor: opt.Monitor}})
	if err != nil {
		return nil, err
	}
	return run.Barrier, nil
}

// Diff compares two models, weight by weight. Of opt it uses what pairs weights: FoldNorms, Pairs and BackboneOutput.
// Models that cannot be merged can be compared: the verdict is then "refused", with the reasons.
func Diff(ctx context.Context, a, b string, opt MergeOptions) (*DiffResult, error) {
	return diff(ctx, a, b, opt, nil)
}

// DiffPlot is [Diff], which also draws how far the weights are apart over the depth of the model, as a picture.
func DiffPlot(ctx context.Context, a, b string, opt MergeOptions, plot WeightsOptions) (*DiffResult, error) {
	if err := plot.check(a, b, opt.BaseWeights); err != nil {
		return nil, err
	}
	return diff(ctx, a, b, opt, &plot)
}

func diff(ctx context.Context, a, b string, opt MergeOptions, plot *WeightsOptions) (_ *DiffResult, err error) {
	plan, err := PlanMerge(ctx, []string{a, b},
		MergeOptions{FoldNorms: opt.FoldNorms, Pairs: opt.Pairs, BackboneOutput: opt.BackboneOutput,
			BaseWeights: opt.BaseWeights, Monitor: opt.Monitor})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	if plot != nil {
		if err := plot.draw(ctx, plan, opt.Monitor); err != nil {
			return nil, err
		}
	}
	d, err := onnxmerge.Diff(ctx, plan.Plan, opt.Monitor.mebibytes("comparing"))
	if err != nil {
		return nil, err
	}
	r := &DiffResult{A: a, B: b, Difference: d}
	if plot != nil {
		r.Plot = plot.Output
	}
	if plan.Norms.Norms > 0 {
		r.Norms = &plan.Norms
	}
	if opt.Prove != nil { // a disproved pairing is a result
		proofs, err := plan.Prove(ctx, *opt.Prove)
		if err != nil {
			return nil, err
		}
		r.Proof = &proofs[0]
	}
	return r, nil
}

// Why explains what a merge of two models decides about one tensor of the second: its counterparts, and the evidence
// for and against each. Options are those of [Diff].
func Why(ctx context.Context, a, b, tensor string, opt MergeOptions) (_ *onnxmerge.Why, err error) {
	plan, err := PlanMerge(ctx, []string{a, b},
		MergeOptions{FoldNorms: opt.FoldNorms, Pairs: opt.Pairs, BackboneOutput: opt.BackboneOutput,
			BaseWeights: opt.BaseWeights, Monitor: opt.Monitor})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	return plan.Why(tensor)
}
