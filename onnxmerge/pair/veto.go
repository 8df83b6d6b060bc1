package pair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// veto removes pairs that neither names nor weights confirm: two weights that were exchanged with their names, a file
// with renumbered layers, or another head. The user has to decide which it is.
func (s *search) veto() {
	trusted, related := s.namesAgree(), s.related()
	for _, t := range s.b.Tensors {
		candidates := s.ofB.of(t).candidates
		if len(candidates) == 0 {
			continue
		}
		first := candidates[0]
		named := slices.ContainsFunc(candidates, s.hasOneName)
		switch {
		case t.Len() == 1:
		case first.how == Around && first.isBelow(Related) && !first.b.isShort():
			s.unclear[t] = fmt.Sprintf("the operators before it differ between the models, and its weights are unlike "+
				"those of %q (cosine %.2f)", first.a.tensor.ID(), first.knownCosine())
		case named || first.oneScaled(): // whose values differ by the scale
		case s.hasCloser(first):
			s.unclear[t] = fmt.Sprintf("it has the place of %q in the graph, which is more similar to %q", first.a.tensor.ID(),
				s.closer[first.a.tensor].ID())
		case first.isSimilar():
		case trusted && s.hasOtherNamesake(first):
			s.unclear[t] = fmt.Sprintf("it has the place of %q in the graph, but the names contradict that", first.a.tensor.ID())
		case related && s.contradict(first):
			s.unlike[t] = true
			s.unclear[t] = fmt.Sprintf("it has the place of %q in the graph, but another name and dissimilar weights (cosine "+
				"%.2f)", first.a.tensor.ID(), first.knownCosine())
		}
	}
}

// hasOneName reports whether a is the namesake of b.
func (s *search) hasOneName(c candidate) bool {
	return c.a.tensor.ID() == c.b.tensor.ID() || c.a.tensor == s.namesake(c.b.tensor)
}

// namesake returns the tensor of a with the name of a tensor of b; nil if there is none. Where an exporter stores equal
// tensors once, the others' names are those of values that have its elements.
func (s *search) namesake(t *onnx.Tensor) *onnx.Tensor {
	if a := s.a.Lookup(t.ID()); a != nil || t.Scope != s.b.Graph.Scope {
		return a
	}
	if a := flow.Tensor(s.a, s.a.Graph, t.Name); a != nil {
		return a
	}
	return s.a.Lookup(s.renamed.toA(t.ID()))
}

// isBelow reports whether the cosine of the pair is known and below least.
func (c candidate) isBelow(least float64) bool {
	cosine, known := c.cosine()
	return known && cosine < least
}

// isSimilar reports whether the weights confirm the pair.
func (c candidate) isSimilar() bool {
	cosine, known := c.cosine()
	return known && cosine >= c.b.similarFrom() && c.b.tensor.Len() >= minReliableLen
}

// contradict reports whether the values of a pair with different names contradict it, in models that are related.
func (s *search) contradict(c candidate) bool {
	if !c.b.isShort() {
		return c.isBelow(Related - margin)
	}
	cosine, known := c.cosine()
	return c.isOfUnlike() || (!known || cosine < shortRelated) && !s.isPlausible(c)
}

// isOfUnlike reports whether a short weight is the bias of a layer whose weights are unlike in related models, such as
// those of another head. The values of short weights alone are no evidence: training from constants, as scales of
// normalisations begin, leaves no correlation.
func (c candidate) isOfUnlike() bool {
	weight, _ := c.b.op.main().weightAndBias()
	if weight == nil || weight.tensor == c.b.tensor || weight.isShort() {
		return false
	}
	for _, main := range weight.record.candidates {
		if !main.isBelow(Related - margin) {
			return false
		}
	}
	return true
}

// isPlausible reports whether a short pair of dissimilar values is kept: the structure around it leaves no other
// counterpart, the other model has no tensor of either name, and the values do not contradict the pair.
func (s *search) isPlausible(c candidate) bool {
	isFree := func(m *onnx.Model, id string) bool { return isNumbered(id) || m.Lookup(id) == nil }
	cosine := c.knownCosine()
	isConfirmed := cosine > 0 && coincidences(1, c.b.tensor.Len(), cosine) < chance || c.isUnchanged()
	isUnique := (c.how == ByPart || c.how == Around && isConfirmed || c.isEnclosed()) &&
		s.among[c.b.tensor] <= 1
	hasNoNamesake := isFree(s.a, c.b.tensor.ID()) && (isFree(s.b, c.a.tensor.ID()) || s.isShared(c.a.tensor))
	return (isUnique && hasNoNamesake || c.isInitial()) && !c.contradicts()
}

// isEnclosed reports whether the structure before both uses, from the inputs and the anchors on, is the same, and so is
// the one behind them up to the next anchors: there is one such place in each model. The bias of an anchor is enclosed by
// it, unless weights were exchanged, after which other anchors follow.
func (c candidate) isEnclosed() bool {
	below := func(u *use) (uint64, bool) { return u.op.below(maxHorizon) }
	a, isAnchoredA := below(c.a)
	b, isAnchoredB := below(c.b)
	return c.a.colour == c.b.colour && a == b && isAnchoredA && isAnchoredB
}

// isShared reports whether a tensor of a pairs with its namesake of b, so that others of b pair with it beside that.
// Exporters store equal tensors once, such as scales of normalisations before training.
func (s *search) isShared(a *onnx.Tensor) bool {
	named := s.b.Lookup(a.ID())
	return slices.ContainsFunc(s.ofB.of(named).candidates, func(d candidate) bool { return d.a.tensor == a })
}

// chance is the probability with which an unrelated vector is as similar as one that confirms a pair.
const chance = 0.01

// hasCloser reports whether the short weight of a is more similar to another tensor of b.
func (s *search) hasCloser(c candidate) bool {
	by := s.closer[c.a.tensor]
	return by != nil && by != c.b.tensor && c.b.isShort()
}

// hasOtherNamesake reports whether either tensor of the pair has a namesake in the other model that fits the place.
func (s *search) hasOtherNamesake(c candidate) bool {
	if couldBe(s.a.Lookup(c.b.tensor.ID()), c.b.tensor, s.ofA) {
		return true
	}
	return couldBe(s.b.Lookup(c.a.tensor.ID()), c.b.tensor, s.ofB) && !s.isShared(c.a.tensor)
}

// couldBe reports whether named is a weight with an exporter-independent name and t's dtype and shape.
func couldBe(named, t *onnx.Tensor, in records) bool {
	return named != nil && !isNumbered(named.ID()) && dtypeClass(named.DType) == dtypeClass(t.DType) &&
		slices.Equal(named.Dims, t.Dims) && len(in.of(named).uses) > 0
}

// namesAgree reports whether at least one pair of weights has equal names.
func (s *search) namesAgree() bool {
	for _, t := range s.b.Tensors {
		candidates := s.ofB.of(t).candidates
		if len(candidates) > 0 && t.Len() > 1 && candidates[0].a.tensor.ID() == t.ID() && !isNumbered(t.ID()) {
			return true
		}
	}
	return false
}

// related reports whether at least half of the compared pairs are similar.
func (s *search) related() bool {
	agree, all := 0, 0
	for i := range s.ofB.list {
		r := &s.ofB.list[i]
		if r.uses[0].isShort() {
			continue
		}
		for _, k := range r.cosines {
			all++
			if k.cosine >= Related {
				agree++
			}
		}
	}
	return agree > 0 && 2*agree >= all
}
