package wiseft

import (
	"context"
	"errors"

	"github.com/wiseft/wiseft/onnxmerge"
)

// DiffResult has the counterpart in model B of each weight of model A, and how far apart the two are.
type DiffResult struct {
	A string `json:"a"`
	B string `json:"b"`
	*onnxmerge.Difference
	Norms *onnxmerge.Shrink `json:"norms,omitempty"` // of a linear mix at alpha .5, if running variances would be mixed
	Proof *Proof            `json:"proof,omitempty"` // of the pairs by running, with MergeOptions.Prove
}

// Diff compares two models, weight by weight. Of opt it uses what pairs weights: FoldNorms, Pairs and BackboneOutput.
// Models that cannot be merged can be compared: the verdict is then "refused", with the reasons.
func Diff(ctx context.Context, a, b string, opt MergeOptions) (_ *DiffResult, err error) {
	plan, err := PlanMerge(ctx, []string{a, b},
		MergeOptions{FoldNorms: opt.FoldNorms, Pairs: opt.Pairs, BackboneOutput: opt.BackboneOutput, Monitor: opt.Monitor})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	d, err := onnxmerge.Diff(ctx, plan.Plan, opt.Monitor.mebibytes("comparing"))
	if err != nil {
		return nil, err
	}
	r := &DiffResult{A: a, B: b, Difference: d}
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
		MergeOptions{FoldNorms: opt.FoldNorms, Pairs: opt.Pairs, BackboneOutput: opt.BackboneOutput, Monitor: opt.Monitor})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	return plan.Why(tensor)
}
