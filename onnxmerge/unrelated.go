package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// unrelated is a cosine between those of fine-tuned pairs (.75 and more in most tensors of real pairs) and those of
// weights trained apart (below .1).
const unrelated = 0.1

// checkRelatives warns of models whose weights are not similar.
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
		p.warnings = append(p.warnings, fmt.Sprintf("the models seem to be unrelated: the cosine between their weights is "+
			"%.2f in the median tensor; a merge of unrelated models is not expected to work", median))
	}
	return nil
}

// minRelated is the smallest number of elements whose cosine is evidence: that of n unrelated numbers is about
// 1/sqrt(n).
const minRelated = 64
