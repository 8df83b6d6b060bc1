package onnxmerge

import (
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// GivenPair is a pair of tensors that is stated instead of found, by their IDs.
type GivenPair struct {
	A string `json:"pretrained"`
	B string `json:"finetuned"`
	// Transposed means that the axes are in reverse order, where the shapes do not say it.
	Transposed bool `json:"transposed,omitempty"`
}

// given returns the stated pairs. Errors are of kind Usage.
func (p *planner) given() ([]pair.Given, error) {
	var list []pair.Given
	of := map[*onnx.Tensor]*onnx.Tensor{}
	for _, names := range p.opt.Pairs {
		a, b := p.pretrained.Lookup(names.A), p.finetuned.Lookup(names.B)
		switch {
		case a == nil:
			return nil, fault.Usagef("the pre-trained model has no tensor %q", names.A).WithHint("see wiseft diff")
		case b == nil:
			return nil, fault.Usagef("the fine-tuned model has no tensor %q", names.B).WithHint("see wiseft diff")
		}
		if other := of[b]; other != nil && other != a {
			return nil, fault.Usagef("%q and %q are both stated to be %q", other.ID(), a.ID(), b.ID())
		}
		of[b] = a
		perm, ok := givenPerm(a.Dims, b.Dims, names.Transposed)
		if !ok || a.DType.IsFloat() != b.DType.IsFloat() {
			return nil, fault.Usagef("%q is %s %v and %q is %s %v: they are no pair", a.ID(), a.DType, a.Dims, b.ID(), b.DType,
				b.Dims)
		}
		list = append(list, pair.Given{A: a, B: b, Perm: perm})
	}
	return list, nil
}

// doubtfulPair returns a pair that is refused and that running both models can decide, as one to be stated; nil if its
// axes are in an order that a statement cannot have.
func doubtfulPair(p *pair.Pair) *GivenPair {
	if p == nil || !p.B.DType.IsFloat() || !p.A.DType.IsFloat() {
		return nil
	}
	for _, transposed := range []bool{false, true} {
		if perm, ok := givenPerm(p.A.Dims, p.B.Dims, transposed); ok && slices.Equal(perm, p.Perm) {
			return &GivenPair{A: p.A.ID(), B: p.B.ID(), Transposed: transposed}
		}
	}
	return nil
}

// Doubtful returns the pairs of all refused tensors, if running both models can decide each: the place in the graph or
// the name gives one counterpart, and values or other operators speak against it. It is nil if one of them has no such
// pair. A plan with these pairs in [Options.Pairs] merges them, which is right only if a proof confirms each.
func (p *Plan) Doubtful() (pairs []GivenPair) {
	for _, d := range p.planner.decisions {
		switch {
		case d.Action != Refuse:
		case d.doubtful == nil:
			return nil
		default:
			pairs = append(pairs, *d.doubtful)
		}
	}
	return pairs
}

// givenPerm returns the order of a's axes in b: as stored if the shapes agree without axes of length 1 and transposed
// is false, else reversed, as a transposed matrix has.
func givenPerm(a, b []int64, transposed bool) (perm []int, ok bool) {
	var axes []int
	long := func(dims []int64) []int64 {
		return slices.DeleteFunc(slices.Clone(dims), func(d int64) bool { return d == 1 })
	}
	for i, d := range a {
		if d != 1 {
			axes = append(axes, i)
		}
	}
	from, to := long(a), long(b)
	if slices.Equal(from, to) && !transposed {
		return nil, true
	}
	slices.Reverse(from)
	slices.Reverse(axes)
	return axes, slices.Equal(from, to)
}

// checkPatterns refuses patterns of Include and Exclude that match no tensor of the fine-tuned model.
func (p *planner) checkPatterns() error {
	for _, list := range []struct {
		option   string
		patterns []string
	}{{"include", p.opt.Include}, {"exclude", p.opt.Exclude}} {
		for _, pattern := range list.patterns {
			matches := func(t *onnx.Tensor) bool { return matchAny([]string{pattern}, t.ID()) }
			if !slices.ContainsFunc(p.finetuned.Tensors, matches) {
				return fault.Usagef("no tensor of the fine-tuned model matches the pattern %q of --%s", pattern, list.option).
					WithHint("see the names with wiseft inspect --tensors")
			}
		}
	}
	return nil
}
