package method

import (
	"math"
	"slices"
)

func init() {
	Register(Method{
		Name: "ties_per_tensor",
		Doc:  "TIES with one threshold per tensor and weighted sign election (mergekit's ties)",
		Formula: "theta = base + lambda * sum_i w_i tau_i / sum_i w_i over the trimmed tau_i that agree with the sign of " +
			"sum_i w_i tau_i",
		Source: "Yadav et al., NeurIPS 2023, as in mergekit",
		Detail: "In each tensor the int(density*n) largest elements are kept, at least one, and those equal in magnitude " +
			"to the last of them. A sum of 0 counts as positive.",
		MinModels: 2,
		Base:      true,
		Class:     Passes,
		Params:    sparseParams(true, rescaleL1Param()),
		Differs: []Difference{
			smallSums("mergekit ties"),
			{"mergekit ties", "of equal magnitudes keeps those that the sort places first", "keeps all of them",
				"the result must not depend on the order of elements or on a library's sort"},
			{"mergekit ties before 0.1.5", "fails if the density keeps no element of a tensor", "keeps the largest element",
				"as mergekit 0.1.5 does; a bias of two elements must not stop a merge"},
		},
		Rescales: rescales,
		New: func(t *Tensor, p Params) (Mixer, error) {
			keep := func(density float64) (low, high int64) {
				if density == 0 {
					return t.Len, t.Len - 1
				}
				return rankAt(t.Len, max(1, share(density, t.Len))), t.Len - 1
			}
			s, err := newBand(t, p, keep)
			if err != nil {
				return Mixer{}, err
			}
			s.vote = true
			return s.mixer(), nil
		},
	})
}

// newBand returns a method that keeps, of each task vector, the magnitudes of the ranks low to high that keep returns
// for its density; none if low is above high. The caller sets vote.
func newBand(t *Tensor, p Params, keep func(density float64) (low, high int64)) (*sparse, error) {
	tasks := t.Models - 1
	ranks := make([][]int64, tasks)
	for m, d := range p.Each("density", tasks) {
		low, high := keep(d)
		ranks[m] = []int64{min(low, t.Len-1), max(0, high)}
	}
	found, err := orderStatistics(t, 1, ranks, magnitudes)
	if err != nil {
		return nil, err
	}
	low, high := make([]float64, tasks), make([]float64, tasks)
	for m, d := range p.Each("density", tasks) {
		low[m], high[m] = found[m][0], found[m][1]
		switch from, to := keep(d); {
		case from > to:
			low[m] = math.Inf(1)
		case to == t.Len-1:
			high[m] = math.Inf(1) // no upper bound
		}
	}
	s := newSparse(t, p, 1, t.band(low, high))
	if p.Choice("rescale") == "l1" {
		if err := s.keepL1(); err != nil {
			return nil, err
		}
	}
	if slices.Max(low) == 0 && slices.Min(high) == math.Inf(1) {
		s.sparsify = func(int, []float64, int64) {} // everything is kept
	}
	return s, nil
}
