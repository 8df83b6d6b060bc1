package pair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// doubt takes back pairs that neither names nor weights speak for: two weights that were
// exchanged with their names, a file whose layers were renumbered, or another head. Which
// it is is for the user to say.
func (s *search) doubt() {
	trusted, related := s.namesAgree(), s.related()
	for t, candidates := range s.from {
		first := candidates[0]
		named := slices.ContainsFunc(candidates, func(c candidate) bool { return c.a.tensor.ID() == t.ID() })
		switch {
		case t.Len() == 1:
		case first.how == Around && s.isUnlike(first, Related) && !first.b.isShort():
			s.unclear[t] = fmt.Sprintf("what leads to it differs between the models, and its weights are unlike those of %q (cosine %.2f)",
				first.a.tensor.ID(), s.cosines[t])
		case named:
		case s.isClaimed(first):
			s.unclear[t] = fmt.Sprintf("it has the place of %q, which is like %q", first.a.tensor.ID(), s.claimed[first.a.tensor].ID())
		case s.isLike(first):
		case trusted && s.namesSayElse(first):
			s.unclear[t] = fmt.Sprintf("it has the place of %q, but names say something else", first.a.tensor.ID())
		case related && s.isUnlike(first, first.b.doubtful()):
			s.unlike[t] = true
			s.unclear[t] = fmt.Sprintf("it has the place of %q, but neither its name nor its weights (cosine %.2f)", first.a.tensor.ID(), s.cosines[t])
		}
	}
}

// isUnlike reports whether the weights of a pair speak against it.
func (s *search) isUnlike(c candidate, least float64) bool {
	cosine, known := s.cosines[c.b.tensor]
	return known && cosine < least
}

// isLike reports whether the weights of a pair speak for it.
func (s *search) isLike(c candidate) bool {
	cosine, known := s.cosines[c.b.tensor]
	return known && cosine >= c.b.enough() && c.b.tensor.Len() >= minChance
}

// doubtful is the cosine below which a weight is not what its place says.
func (u *use) doubtful() float64 {
	if u.isShort() {
		return u.enough()
	}
	return Related - margin
}

// isClaimed reports whether the short weight of a is the better counterpart of another.
func (s *search) isClaimed(c candidate) bool {
	by := s.claimed[c.a.tensor]
	return by != nil && by != c.b.tensor && c.b.isShort()
}

// namesSayElse reports whether either of a pair has a namesake that could be its counterpart.
func (s *search) namesSayElse(c candidate) bool {
	return couldBe(s.a.Lookup(c.b.tensor.ID()), c.b.tensor, s.kindsA) || couldBe(s.b.Lookup(c.a.tensor.ID()), c.b.tensor, s.kindsB)
}

// couldBe reports whether named, a namesake, is a weight of t's dtype and shape.
func couldBe(named, t *onnx.Tensor, uses map[*onnx.Tensor][]*use) bool {
	return named != nil && !isNumbered(named.ID()) && named.DType == t.DType && slices.Equal(named.Dims, t.Dims) && len(uses[named]) > 0
}

// namesAgree reports whether any weights that are paired have one name.
func (s *search) namesAgree() bool {
	for t, candidates := range s.from {
		if t.Len() > 1 && candidates[0].a.tensor.ID() == t.ID() && !isNumbered(t.ID()) {
			return true
		}
	}
	return false
}

// related reports whether most weights that are paired are alike.
func (s *search) related() bool {
	agree, all := 0, 0
	for t, cosine := range s.cosines {
		if !s.kindsB[t][0].isShort() {
			all++
			if cosine >= Related {
				agree++
			}
		}
	}
	return agree > 0 && 2*agree >= all
}
