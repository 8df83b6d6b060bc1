package wiseft

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// whyNothingDiffers returns the reason why weights are unproven although no value shows a fault.
func (p *prover) whyNothingDiffers() string {
	refused := func(x twin.Point) bool { return p.compared[x].refusal != "" }
	if i := slices.IndexFunc(p.swap.Features, refused); i >= 0 {
		return p.compared[p.swap.Features[i]].refusal
	}
	if gaps := p.swap.GapsBeforeEnd(p.exact()); len(gaps) > 0 {
		return describeGaps(gaps)
	}
	reason := "behind these weights no value of the written graph has a known counterpart"
	differs := func(x twin.Point) bool { return p.compared[x].verdict == unequal }
	if i := slices.IndexFunc(p.swap.Features, differs); i >= 0 {
		reason += fmt.Sprintf(", and %q differs", p.swap.Features[i].B)
	}
	return reason
}

// result returns a proof with what is known of the last equal value.
func (p *prover) result(verdict onnxmerge.ProofVerdict, reason string) *Proof {
	r := &Proof{Verdict: verdict, Reason: reason, Inputs: p.inputs.describe(), Unproven: p.unproven()}
	var last *twin.Point
	for i := range p.equal {
		if last == nil || p.equal[i].After(*last) {
			last = &p.equal[i]
		}
	}
	if last != nil {
		p.describe(r, *last)
	}
	return r
}

// describe sets the value that a proof is about.
func (p *prover) describe(r *Proof, at twin.Point) {
	d := p.compared[at]
	relative := d.relative()
	r.Tensor, r.MaxDifference, r.Relative = at.B, &d.largest, &relative
	r.Samples = nil
	if d.agree < 1 {
		r.Samples = &d.agree
	}
}

// conclude returns the proof where equal values depend on every merged weight. It is not provable if tensors are refused,
// or if a weight is kept of which no equal value shows that it is the other model's, too.
func (p *prover) conclude(ctx context.Context) (*Proof, error) {
	if n := p.swap.Refused; n > 0 {
		return p.notProvable(fmt.Sprintf("%s cannot be merged, and what depends on them is not compared", text.Count(n, "tensor"))), nil
	}
	gaps, before := p.swap.KeptGaps(p.exact())
	for i, g := range before {
		shown, err := p.showsKept(ctx, g.Tensor, i)
		if err != nil {
			return nil, err
		}
		if !shown {
			gaps = append(gaps, g)
		}
	}
	if len(gaps) > 0 {
		return p.notProvable("the merge is partial: " + describeGaps(gaps)), nil
	}
	r := p.result(onnxmerge.Proved, "")
	r.Reason = fmt.Sprintf("with the other model's weights the written graph computes its %q", r.Tensor)
	return r, nil
}

// maxDisturbed bounds the kept weights that are disturbed, each at one pass of the written graph.
const maxDisturbed = 32

// showsKept reports whether equal values differ with other numbers in a kept weight, so that they show its own ones to be
// right. They do not behind weights of 0, such as a branch that begins with none. i counts the weights.
func (p *prover) showsKept(ctx context.Context, id string, i int) (bool, error) {
	if i >= maxDisturbed {
		return false, nil
	}
	disturbed, err := p.swap.Disturbed(p.swap.Graph.Lookup(id))
	if err != nil || disturbed == nil {
		return false, err
	}
	return p.differsIn(ctx, disturbed, p.exact())
}

func (p *prover) notProvable(reason string) *Proof { return p.result(onnxmerge.NotProvable, reason) }

// disproved names the first value that differs and the weights that only it depends on.
func (p *prover) disproved(first twin.Point) *Proof {
	r := p.result(onnxmerge.Disproved, "")
	p.describe(r, first)
	r.Reason = fmt.Sprintf("with the other model's weights %q differs from its %q, although every weight before it is "+
		"merged and operators are the same", first.B, first.A)
	if between := p.unconfirmedBefore(first); len(between) > 0 {
		r.Reason += fmt.Sprintf(": one of these is paired wrongly, scaled or permuted: %s", shorten(between))
	} else {
		r.Reason += ": one of these is paired wrongly: " + shorten(p.swap.Users(first.B))
	}
	if kept := p.swap.KeptBefore(first, p.exact()); len(kept) > 0 {
		r.Reason += "; or one of these is kept and differs: " + shorten(kept)
	}
	return r
}

// describeGaps returns the reason that gaps are.
func describeGaps(gaps []onnxmerge.Gap) string {
	line := gaps[0].Reason
	var names []string
	others := 0
	for _, g := range gaps[1:] {
		if g.Tensor != "" {
			names = append(names, g.Tensor)
		} else {
			others++
		}
	}
	if len(names) > 0 {
		line += fmt.Sprintf("; not merged either: %s", shorten(names))
	}
	if others > 0 {
		line += fmt.Sprintf(" (and %s more)", text.Count(others, "reason"))
	}
	return line
}

// shorten joins at most five names.
func shorten(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
