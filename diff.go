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
}

// Diff compares two models, weight by weight. Of opt it uses what selects weights: FoldNorms and BackboneOutput.
// Models that cannot be merged can be compared: the verdict is then "refused", with the reasons.
func Diff(ctx context.Context, a, b string, opt MergeOptions) (_ *DiffResult, err error) {
	plan, err := PlanMerge(ctx, []string{a, b},
		MergeOptions{FoldNorms: opt.FoldNorms, BackboneOutput: opt.BackboneOutput, Monitor: opt.Monitor})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	d, err := onnxmerge.Diff(ctx, plan.Plan, opt.Monitor.mebibytes("comparing"))
	return &DiffResult{a, b, d}, err
}
