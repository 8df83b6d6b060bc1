package pair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// veto removes pairs that neither names nor weights confirm: two weights that were exchanged with their names, a file
// with renumbered layers, or another head. The user has to decide which it is.
func (s *search) veto() {
	trusted, related := s.namesAgree(), s.related()
	for t, candidates := range s.candidates {
		first := candidates[0]
		named := slices.ContainsFunc(candidates, func(c candidate) bool { return c.a.tensor.ID() == t.ID() })
		switch {
		case t.Len() == 1:
		case first.how == Around && s.isBelow(first, Related) && !first.b.isShort():
			s.unclear[t] = fmt.Sprintf("what leads to it differs between the models, and its weights are unlike those of %q "+
				"(cosine %.2f)",
				first.a.tensor.ID(), s.cosines[first.key()])
		case named:
		case s.hasCloser(first):
			s.unclear[t] = fmt.Sprintf("it has the place of %q in the graph, which is more similar to %q", first.a.tensor.ID(),
				s.closer[first.a.tensor].ID())
		case s.isSimilar(first):
		case trusted && s.hasOtherNamesake(first):
			s.unclear[t] = fmt.Sprintf("it has the place of %q in the graph, but the names contradict that", first.a.tensor.ID())
		case related && s.isBelow(first, first.b.vetoBelow()):
			s.unlike[t] = true
			s.unclear[t] = fmt.Sprintf("it has the place of %q in the graph, but another name and dissimilar weights (cosine "+
				"%.2f)", first.a.tensor.ID(), s.cosines[first.key()])
		}
	}
}

// isBelow reports whether the cosine of the pair is known and below least.
func (s *search) isBelow(c candidate, least float64) bool {
	cosine, known := s.cosines[c.key()]
	return known && cosine < least
}

// isSimilar reports whether the weights confirm the pair.
func (s *search) isSimilar(c candidate) bool {
	cosine, known := s.cosines[c.key()]
	return known && cosine >= c.b.similarFrom() && c.b.tensor.Len() >= minReliableLen
}

// vetoBelow returns the cosine below which the weights contradict a pair.
func (u *use) vetoBelow() float64 {
	if u.isShort() {
		return u.similarFrom()
	}
	return Related - margin
}

// hasCloser reports whether the short weight of a is more similar to another tensor of b.
func (s *search) hasCloser(c candidate) bool {
	by := s.closer[c.a.tensor]
	return by != nil && by != c.b.tensor && c.b.isShort()
}

// hasOtherNamesake reports whether either tensor of the pair has a namesake in the other model that fits the place.
func (s *search) hasOtherNamesake(c candidate) bool {
	return couldBe(s.a.Lookup(c.b.tensor.ID()), c.b.tensor, s.usesA) || couldBe(s.b.Lookup(c.a.tensor.ID()), c.b.tensor,
		s.usesB)
}

// couldBe reports whether named is a weight with an exporter-independent name and t's dtype and shape.
func couldBe(named, t *onnx.Tensor, uses map[*onnx.Tensor][]*use) bool {
	return named != nil && !isNumbered(named.ID()) && dtypeClass(named.DType) == dtypeClass(t.DType) && slices.Equal(named.Dims, t.Dims) &&
		len(uses[named]) > 0
}

// namesAgree reports whether at least one pair of weights has equal names.
func (s *search) namesAgree() bool {
	for t, candidates := range s.candidates {
		if t.Len() > 1 && candidates[0].a.tensor.ID() == t.ID() && !isNumbered(t.ID()) {
			return true
		}
	}
	return false
}

// related reports whether at least half of the compared pairs are similar.
func (s *search) related() bool {
	agree, all := 0, 0
	for of, cosine := range s.cosines {
		if !s.usesB[of[1]][0].isShort() {
			all++
			if cosine >= Related {
				agree++
			}
		}
	}
	return agree > 0 && 2*agree >= all
}
