package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// unrelated is below what fine-tuning leaves: real pairs have .75 and more in most
// tensors, weights of other training have less than .1.
const unrelated = 0.1

// checkRelatives warns of models whose weights have nothing to do with each other.
func (p *planner) checkRelatives(s *sampler) error {
	var cosines []float64
	for _, d := range p.decisions {
		if d.Action != Merge || d.fold != nil || d.b.Len() < minRelated || pair.IsVector(d.Dims) {
			continue
		}
		c, ok, err := s.likeness(d.a, d.b, d.perm)
		if err != nil {
			return err
		}
		if ok {
			cosines = append(cosines, c)
		}
	}
	if len(cosines) == 0 {
		return nil
	}
	slices.Sort(cosines)
	if median := cosines[len(cosines)/2]; median < unrelated {
		p.warnings = append(p.warnings, fmt.Sprintf("these two do not look like relatives: the cosine between their weights is %.2f in the median tensor; "+
			"expect nothing of a merge between unrelated models", median))
	}
	return nil
}

// minRelated is the least number of elements that says something: the cosine of n
// unrelated numbers is about 1/sqrt(n).
const minRelated = 64
