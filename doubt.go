package wiseft

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// settleDoubts runs both models to decide refused pairs that the place in the graph or the name gives, and that values
// or other operators speak against. If running proves all of them, it returns the plan that merges them; else the plan
// as it is, with the reason in Undecided.
//
// A pair counts as proved if the written graph with the other model's weights computes that model's values, and if it
// does not with the fine-tuned weight in the pair's place: a weight that no value shows, such as one behind a gate of
// 0, is not proved.
func settleDoubts(
	ctx context.Context, plan *onnxmerge.Plan, list, fisher models, opt MergeOptions,
) (*onnxmerge.Plan, error) {
	pairs := plan.Doubtful()
	if opt.Prove == nil || len(pairs) == 0 {
		return plan, nil
	}
	opt.Monitor.note(fmt.Sprintf("%s in doubt: both models are run to decide them", text.Count(len(pairs), "pair")))
	opt.Pairs = slices.Concat(opt.Pairs, pairs)
	bold, err := planModels(ctx, list, fisher, opt)
	if kind := KindOf(err); err != nil && kind != Usage && kind != Mismatch {
		return nil, err
	}
	if err != nil || bold.Err() != nil {
		return plan, nil
	}
	swap, err := bold.Swap(0)
	if err != nil {
		return nil, err
	}
	reason, err := whyUnproven(ctx, swap, pairs, *opt.Prove)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		plan.Undecided = reason
		return plan, nil
	}
	var names []string
	for _, p := range pairs {
		names = append(names, fmt.Sprintf("%s with %s", p.B, p.A))
	}
	bold.Warnings = append(bold.Warnings, fmt.Sprintf("%s refused without a proof, and proved by running: %s",
		text.Count(len(pairs), "pair"), shorten(names)))
	return bold, nil
}

// whyUnproven runs a swap and returns the reason why running does not prove some of its pairs; "" if it proves them.
func whyUnproven(
	ctx context.Context, swap *onnxmerge.Swap, pairs []onnxmerge.GivenPair, opt ProveOptions,
) (reason string, err error) {
	p := newProver(swap, opt)
	proof, err := p.proveSwap(ctx)
	switch {
	case err != nil:
		return "", err
	case proof.Verdict == onnxmerge.Disproved || len(p.equal) == 0:
		return proof.Reason, nil
	}
	for i, x := range pairs {
		opt.Monitor.progress(Progress{What: "proving", Unit: "pairs", Done: i, Total: len(pairs)})
		weight := swap.Graph.Lookup(x.B)
		if !p.confirmed[weight] {
			return fmt.Sprintf("no value that depends on %q is equal: %s", x.B, proof.Reason), nil
		}
		shown, err := p.shows(ctx, weight)
		if err != nil {
			return "", err
		}
		if !shown {
			return fmt.Sprintf("no value changes with %q", x.B), nil
		}
	}
	return "", nil
}

// shows reports whether an equal value differs if a weight is not swapped: the features, or one of the first values
// that depend on the weight, which a gate of 0 before the features does not hide.
func (p *prover) shows(ctx context.Context, weight *onnx.Tensor) (bool, error) {
	depends := func(x twin.Point) bool { return slices.Contains(p.swap.Before(x.B), weight) }
	known := slices.DeleteFunc(slices.Clone(p.equal), func(x twin.Point) bool { return !depends(x) })
	if shown, err := p.changes(ctx, weight, known); shown || err != nil {
		return shown, err
	}
	inner := slices.DeleteFunc(slices.Clone(p.swap.Points), func(x twin.Point) bool { return !x.Sure || !depends(x) })
	inner = inner[:min(len(inner), valuesAtOnce)]
	if err := p.compare(ctx, p.untested(inner)); err != nil {
		return false, err
	}
	inner = slices.DeleteFunc(inner, func(x twin.Point) bool { return p.compared[x].verdict != equal })
	return p.changes(ctx, weight, inner)
}

// changes reports whether one of some values differs from the other model's if a weight is not swapped.
func (p *prover) changes(ctx context.Context, weight *onnx.Tensor, values []twin.Point) (bool, error) {
	if len(values) == 0 {
		return false, nil
	}
	return p.differsIn(ctx, p.swap.Keeping(weight), values)
}

// differsIn reports whether one of some values of a swap with another weight differs from the other model's.
func (p *prover) differsIn(ctx context.Context, swap *onnxmerge.Swap, values []twin.Point) (bool, error) {
	other := newProver(swap, p.opt)
	other.engine, other.inputs = p.engine, p.inputs
	found, err := other.run(ctx, values)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(values, func(x twin.Point) bool { return found[x].verdict == unequal }), nil
}
