package wiseft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/twin"
	"github.com/wiseft/wiseft/probe/ort"
)

// ProveOptions says on what inputs a pairing is proved. The zero value draws random ones of the declared shapes and
// types.
type ProveOptions struct {
	Data    Data   // whose first samples are the inputs; the zero Data is none
	Layout  string // of clouds: "bnc", "bcn", or "auto" and ""
	Seed    uint64 // of random inputs
	Runtime RuntimeOptions
	Monitor Monitor
}

// Proof is the result of running the written graph with the weights of another model.
type Proof = onnxmerge.Proof

// Prove proves the pairing of a merge by running: the last model's graph with the weights of another model must compute
// that model's features. It returns a proof for each model but the last. A model that cannot be run, or weights that
// have no counterpart, are no error: the verdict is then [onnxmerge.NotProvable], with the reason.
//
// Both graphs run on the same inputs up to the features, which costs two forward passes. Where the features differ,
// inner values are compared to find the first that does.
func (p *MergePlan) Prove(ctx context.Context, opt ProveOptions) ([]Proof, error) {
	return provePlan(ctx, p.Plan, p.inputs[:p.count], opt)
}

// provePlan proves the pairs of every model with the last.
func provePlan(ctx context.Context, plan *onnxmerge.Plan, list models, opt ProveOptions) ([]Proof, error) {
	var proofs []Proof
	for i, m := range list[:len(list)-1] {
		opt.Monitor.progress(Progress{What: "proving", Unit: "models", Done: i, Total: len(list) - 1})
		proof, err := proveModel(ctx, plan, i, opt)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.path, err)
		}
		if len(list) > 2 {
			proof.Model = filepath.Base(m.path)
		}
		proofs = append(proofs, *proof)
	}
	return proofs, nil
}

// proveModel proves the pairs of one model with the last.
func proveModel(ctx context.Context, plan *onnxmerge.Plan, model int, opt ProveOptions) (*Proof, error) {
	swap, err := plan.Swap(model)
	if err != nil {
		return nil, err
	}
	p := newProver(swap, opt)
	return p.proveSwap(ctx)
}

// newProver returns a proof that has compared nothing. Close it.
func newProver(swap *onnxmerge.Swap, opt ProveOptions) *prover {
	return &prover{swap: swap, opt: opt, backbone: swap.Backbone(), inputs: &proofInputs{swap: swap, opt: opt},
		compared: map[twin.Point]difference{}, confirmed: map[*onnx.Tensor]bool{}}
}

// proveSwap loads onnxruntime and runs the proof.
func (p *prover) proveSwap(ctx context.Context) (*Proof, error) {
	if err := p.swap.Plan.Err(); err != nil {
		return p.notProvable(strings.Join(strings.Fields(err.Error()), " ")), nil
	}
	if reason, err := p.inputs.prepare(ctx); err != nil || reason != "" {
		return p.notProvable(reason), err
	}
	runtime, err := LoadRuntime(ctx, p.opt.Runtime, p.opt.Monitor)
	if _, missing := errors.AsType[*ort.LibraryError](err); missing {
		return p.notProvable("no onnxruntime: " + err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	p.engine = runtime.Engine
	return p.prove(ctx)
}

// prover is a proof in progress.
type prover struct {
	swap     *onnxmerge.Swap
	opt      ProveOptions
	engine   ort.Engine
	backbone []*onnx.Tensor // merged tensors before the features
	inputs   *proofInputs

	compared  map[twin.Point]difference
	equal     []twin.Point
	confirmed map[*onnx.Tensor]bool // tensors that an equal value depends on
}

// prove compares the features, then inner values where these do not prove all.
func (p *prover) prove(ctx context.Context) (*Proof, error) {
	if err := p.compare(ctx, p.swap.Features); err != nil {
		return nil, err
	}
	if len(p.unproven()) == 0 {
		return p.conclude(ctx)
	}
	first, err := p.search(ctx)
	if err != nil {
		return nil, err
	}
	if len(p.unproven()) == 0 {
		return p.conclude(ctx)
	}
	if first == nil {
		first = p.differingEnd()
	}
	if first == nil {
		return p.notProvable(p.whyNothingDiffers()), nil
	}
	if gaps := p.swap.GapsBefore(*first, p.exact()); len(gaps) > 0 {
		return p.notProvable(describeGaps(gaps)), nil
	}
	if len(p.unconfirmedBefore(*first)) == 0 && p.swap.IsSelective([]string{first.B}) {
		return p.notProvable(fmt.Sprintf("%q differs although values before it prove every weight: an operator that "+
			"selects or rounds may give another result", first.B)), nil
	}
	return p.disproved(*first), nil
}

// differingEnd returns the value that both models end with and that differs; nil if there is none. What leads to it may
// be scaled by single numbers elsewhere in the other model, but no operator behind it can make up for a difference.
func (p *prover) differingEnd() *twin.Point {
	for _, x := range p.swap.Ends() {
		if p.compared[x].verdict == unequal {
			return &x
		}
	}
	return nil
}

// exactShare is the part of the tolerance below which a difference is rounding alone. A weight that is kept and has
// changed by little makes larger ones, which further layers may raise above the tolerance.
const exactShare = 0.01

// exact returns the equal values whose difference is rounding alone: what they depend on is the same in both models.
func (p *prover) exact() []twin.Point {
	isApart := func(x twin.Point) bool { return p.compared[x].relative() > exactShare*p.tolerance() }
	return slices.DeleteFunc(slices.Clone(p.equal), isApart)
}

// unconfirmedBefore returns the merged weights before a value that no equal value depends on.
func (p *prover) unconfirmedBefore(at twin.Point) []string {
	var names []string
	for _, t := range p.swap.Before(at.B) {
		if !p.confirmed[t] {
			names = append(names, t.ID())
		}
	}
	return names
}

// unproven returns the merged weights that no equal value depends on.
func (p *prover) unproven() []string {
	names := []string{}
	for _, t := range p.backbone {
		if !p.confirmed[t] {
			names = append(names, t.ID())
		}
	}
	return names
}

// checkProofs returns an error of kind Mismatch if one of the proofs has failed.
func checkProofs(proofs []Proof) error {
	for _, proof := range proofs {
		if proof.Verdict == onnxmerge.Disproved {
			line := "the pairing is disproved by running: " + proof.Reason
			if proof.Model != "" {
				line = proof.Model + ": " + line
			}
			return fault.Mismatchf("%s", line).
				WithHint("compare the pairs with wiseft diff; keep weights with --exclude PATTERN")
		}
	}
	return nil
}

// proveMerge proves a plan before it is measured or written, and notes the results.
func proveMerge(ctx context.Context, plan *onnxmerge.Plan, list models, opt ProveOptions) ([]Proof, error) {
	proofs, err := provePlan(ctx, plan, list, opt)
	if err != nil {
		return nil, err
	}
	for _, proof := range proofs {
		opt.Monitor.note("the pairing is " + proof.String())
	}
	return proofs, checkProofs(proofs)
}
