package pair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// alignment returns the result, in the tensor order of both files.
func (s *search) alignment(ctx context.Context) (*Alignment, error) {
	s.veto()
	out := &Alignment{}
	taken := onnx.NewTable[bool](s.a)
	out.Pairs = make([]Pair, 0, len(s.b.Tensors))
	for _, t := range s.b.Tensors {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pair, conflict := s.decide(t)
		switch {
		case pair != nil:
			taken.Set(pair.A, true)
			for _, tied := range pair.Tied {
				taken.Set(tied.A, true)
			}
			out.Pairs = append(out.Pairs, *pair)
		case conflict != nil:
			if conflict.A != nil {
				taken.Set(conflict.A, true)
			}
			out.Conflicts = append(out.Conflicts, *conflict)
		default:
			out.OnlyB = append(out.OnlyB, t)
		}
	}
	s.addMovedBiases(out, taken)
	out.Folds = s.foldList
	together(func() { out.Implied = s.implied(out) }, func() { out.Differences = s.differences(out) })
	for _, t := range s.a.Tensors {
		if isTaken, _ := taken.At(t); !isTaken {
			out.OnlyA = append(out.OnlyA, t)
		}
	}
	return out, ctx.Err()
}

// implied returns the biases of paired layers that only the fine-tuned model has.
func (s *search) implied(al *Alignment) []Implied {
	var list []Implied
	onlyB := make(map[*onnx.Tensor]bool, len(al.OnlyB))
	for _, t := range al.OnlyB {
		onlyB[t] = true
	}
	for _, p := range al.Pairs {
		r := s.ofB.of(p.B)
		if len(r.candidates) != 1 || len(r.uses) != 1 {
			continue
		}
		c := r.candidates[0]
		if shift := s.impliedShift(c); shift != nil && onlyB[shift.tensor] && len(shift.record.uses) == 1 {
			list = append(list, Implied{shift.tensor, p.B})
		}
		if p.Layer == nil {
			continue
		}
		_, biasA := c.a.op.weightAndBias()
		_, biasB := c.b.op.weightAndBias()
		isDropped := biasA == nil && !c.a.op.hasOtherBias()
		if isDropped && biasB != nil && onlyB[biasB.tensor] && len(biasB.record.uses) == 1 {
			list = append(list, Implied{biasB.tensor, p.B})
		}
	}
	return list
}

// hasOtherBias reports whether a value that does not depend on the model's inputs is added to the operator's result,
// directly or behind operators that move elements: a stored bias, or several joined into one.
func (o *op) hasOtherBias() bool {
	at := []*value{o.out}
	for range maxBetween {
		var next []*value
		for _, v := range at {
			for _, c := range v.consumers {
				if c.op.name == "Add" || c.op.name == "Sub" {
					if len(c.op.stored()) > 0 {
						return true
					}
					for _, in := range c.op.ins {
						if in.isStatic() {
							return true
						}
					}
				}
				if c.op.passes() {
					next = append(next, c.op.out)
				}
			}
		}
		at = next
	}
	return false
}

// isStatic reports whether the value is computed from stored tensors alone.
func (v *value) isStatic() bool { return v.op != nil && v.op.static }

// decide returns the pair or the conflict of one tensor of b. Both are nil if only b has the tensor.
func (s *search) decide(t *onnx.Tensor) (*Pair, *Conflict) {
	if g, ok := s.given[t]; ok {
		return &Pair{A: g.A, B: t, How: ByCaller, Perm: g.Perm, Among: 1}, nil
	}
	candidates := s.ofB.of(t).candidates
	if s.unclear[t] == "" && len(candidates) > 0 {
		return s.decideCandidates(t, candidates)
	}
	named := s.a.Lookup(t.ID())
	switch {
	case s.unclear[t] != "":
		c := &Conflict{A: named, B: t, Reason: s.unclear[t], Unlike: s.unlike[t]}
		if c.Unlike {
			c.A = candidates[0].a.tensor
		}
		if c.Unlike || len(candidates) > 0 && candidates[0].how == Around {
			c.Place = s.place(candidates)
		}
		return nil, c
	case named == nil:
		return nil, nil
	case dtypeClass(named.DType) != dtypeClass(t.DType):
		return nil, &Conflict{A: named, B: t, Reason: fmt.Sprintf("same name, but dtype %s against %s", named.DType, t.DType)}
	case !slices.Equal(named.Dims, t.Dims):
		return nil, s.resized(named, t)
	case len(s.ofA.of(named).uses)+len(s.ofB.of(t).uses) == 0: // no operator uses either, so the name suffices
		return &Pair{A: named, B: t, How: ByName, Among: 1}, nil
	}
	if len(s.ofB.of(t).uses) == 0 {
		return nil, &Conflict{A: named, B: t, Reason: "no operator of the fine-tuned model uses it", Unused: true}
	}
	return nil, &Conflict{A: named, B: t, Reason: s.mismatch(named, t), Displaced: shareRole(s.ofA.of(named).uses, s.ofB.of(t).uses),
		Place: &Pair{A: named, B: t, How: ByName, Among: 1}}
}

// place returns the pair of the first of the candidates for a tensor; nil if there are several, if names contradict it,
// or if either of its tensors is more similar to another one.
func (s *search) place(candidates []candidate) *Pair {
	c := candidates[0]
	if len(candidates) > 1 || s.among[c.b.tensor] > 1 || s.closer[c.a.tensor] != nil ||
		s.namesAgree() && s.hasOtherNamesake(c) {
		return nil
	}
	for _, b := range s.closer {
		if b == c.b.tensor {
			return nil
		}
	}
	return &Pair{A: c.a.tensor, B: c.b.tensor, How: c.how, Perm: c.perm, Among: 1}
}

func (s *search) decideCandidates(t *onnx.Tensor, candidates []candidate) (*Pair, *Conflict) {
	if i := slices.IndexFunc(candidates, func(c candidate) bool { return c.a.tensor.ID() == t.ID() }); i > 0 {
		candidates[0], candidates[i] = candidates[i], candidates[0]
	}
	first := candidates[0]
	for _, c := range candidates {
		if c.oneScaled() {
			return nil, s.folded(c)
		}
	}
	for _, u := range first.b.record.uses {
		if t.Len() > 1 && !u.placed && !s.isRepeated(first) {
			return nil, &Conflict{A: first.a.tensor, B: t, Reason: fmt.Sprintf("it pairs with %q, but its use in %s has no "+
				"clear counterpart", first.a.tensor.ID(), u.roleName())}
		}
	}
	pair := &Pair{A: first.a.tensor, B: t, How: first.how, Perm: first.perm, Among: max(1, s.among[t])}
	pair.Layer, pair.Weight = s.layer(first)
	for _, c := range candidates[1:] {
		pair.Tied = append(pair.Tied, Tied{c.a.tensor, c.perm})
	}
	return pair, nil
}

// isRepeated reports whether the uses of both tensors of a candidate that have no counterpart are as many of each kind:
// a layer that is applied several times.
func (s *search) isRepeated(c candidate) bool {
	count := map[uint64]int{}
	for _, u := range c.a.record.uses {
		if !u.placed {
			count[u.localColour()]++
		}
	}
	for _, u := range c.b.record.uses {
		if !u.placed {
			count[u.localColour()]--
		}
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// layer returns the Layer of a candidate for the weight of a linear operator, or the weight of the bias that it is for.
func (s *search) layer(c candidate) (*Layer, *onnx.Tensor) {
	main := c.b.op.main()
	if !main.isLinear() {
		return nil, nil
	}
	if c.b.isBias() {
		if weight, _ := main.weightAndBias(); weight != nil {
			return nil, weight.tensor
		}
		return nil, nil
	}
	if IsVector(c.b.shape) {
		return nil, nil
	}
	l := &Layer{Axis: -1, Normalised: c.a.op.isNormalised() && c.b.op.isNormalised()}
	if axis, ok := channelAxis(c.b.op, c.b.permuted); ok {
		l.Axis = c.b.perm[axis]
	}
	if l.FactorsA, l.FactorsB = c.factors(); len(l.FactorsA)+len(l.FactorsB) > 0 {
		l.Scaled = s.foldConflict(c)
	}
	return l, nil
}

// resized returns the conflict of two tensors with one name and different shapes.
func (s *search) resized(a, b *onnx.Tensor) *Conflict {
	return &Conflict{A: a, B: b, Reason: fmt.Sprintf("same name, but shape %v against %v", a.Dims, b.Dims),
		Resized: shareRole(s.ofA.of(a).uses, s.ofB.of(b).uses)}
}

// mismatch returns the reason why two tensors with one name, dtype and shape do not pair.
func (s *search) mismatch(a, b *onnx.Tensor) string {
	ua, ub := s.ofA.of(a).uses, s.ofB.of(b).uses
	if !shareRole(ua, ub) {
		return fmt.Sprintf("same name, but used by %s against %s", describe(ua), describe(ub))
	}
	return "same name, but the operators before it differ between the models"
}

// roleName names the operator and the operand: "Conv[1]".
func (u *use) roleName() string {
	if u.role < 0 {
		return u.op.name
	}
	return fmt.Sprintf("%s[%d]", u.op.name, u.role)
}

func shareRole(as, bs []*use) bool {
	return slices.ContainsFunc(as, func(a *use) bool {
		return slices.ContainsFunc(bs, func(b *use) bool { return a.roleName() == b.roleName() })
	})
}

func describe(uses []*use) string {
	var roles []string
	for _, u := range uses {
		roles = append(roles, u.roleName())
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); len(roles) == 0 {
		return "nothing"
	}
	return strings.Join(roles, " ")
}

// shortList joins at most three names.
func shortList(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
