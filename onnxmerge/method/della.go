package method

import (
	"cmp"
	"slices"
)

func init() {
	for _, vote := range []bool{false, true} {
		name, formula := "della_linear", "theta = base + lambda * sum_i w_i * m_i tau_i / p_i"
		doc := "drop elements at random, small ones more often, and add the task vectors"
		if vote {
			name, formula = "della", "as ties_per_tensor, on m_i tau_i / p_i"
			doc = "drop elements at random, small ones more often, and elect signs"
		}
		Register(Method{
			Name: name, Doc: doc,
			Formula: formula + ", m_i drawn with p_i = density + epsilon * (2 * rank - 1), rank from 0 to 1 along axis 1",
			Source: "Deep et al., DELLA-Merging: reducing interference through magnitude-based sampling, 2024, eq. 2; ranks " +
				"as in mergekit",
			Detail: "Magnitudes are ranked along the second axis (the inputs of a matrix or convolution), those of a vector " +
				"along its only axis; an axis of length 1 has rank 1/2. Magnitudes are compared as float32 (as float64 in a " +
				"float64 tensor); equal ones rank in the order of the tensor. p_i is clamped to the range from 0 to 1.",
			MinModels: 2,
			Base:      true,
			Class:     Slices,
			Params: sparseParams(vote,
				Param{Name: "epsilon", Doc: "difference in probability between the largest and the median magnitude", Default: 0.15,
					Min: 0, Max: 0.5},
				rescaleParam("density", rescaleDoc), seedParam()),
			Differs: []Difference{
				smallSums("mergekit " + name),
				{"mergekit " + name, "rescales to the sum of magnitudes", "rescales by 1/p_i; rescale=l1 is mergekit's",
					"as in the paper"},
				{"mergekit " + name, "an axis of length 1 gives 0/0 and raises an exception", "has rank 1/2",
					"p_i is then the density"},
				{"mergekit " + name, "density +- epsilon outside of 0 to 1 raises an exception", "clamps p_i",
					"density 0 keeps nothing and density 1 keeps all"},
			},
			Check:    checkSparse(name, vote),
			Rescales: rescales,
			New: func(t *Tensor, p Params) (Mixer, error) {
				granule := t.Len
				if len(t.Dims) > 1 {
					granule = t.Len / t.Dims[0]
				}
				density, rescale := p.Each("density", t.Models-1), p.Choice("rescale")
				prune := pruner{t, p.Number("epsilon"), density, drawn(t, p), rescale == "density"}
				s := newSparse(t, p, granule, prune.sparsify)
				s.vote = vote
				if rescale == "l1" {
					if err := s.keepL1(); err != nil {
						return Mixer{}, err
					}
				}
				return s.mixer(), nil
			},
		})
	}
}

// pruner is DELLA's random choice of elements.
type pruner struct {
	t       *Tensor
	epsilon float64
	density []float64
	random  draw
	rescale bool // divide kept elements by their probability
}

func (p pruner) sparsify(model int, tau []float64, off int64) {
	density := p.density[model]
	if density == 1 {
		return
	}
	if density == 0 {
		clear(tau)
		return
	}
	probability := p.probabilities(tau, density)
	u := make([]uint32, len(tau))
	p.random(model, u, off)
	for i, keep := range probability {
		switch {
		case int64(u[i]) >= threshold(keep):
			tau[i] = 0
		case p.rescale:
			tau[i] /= keep
		}
	}
}

// probabilities returns the probability to keep each element. tau consists of whole slices of the first axis, or is a
// vector.
func (p pruner) probabilities(tau []float64, density float64) []float64 {
	length, stride := len(tau), 1 // of the ranked axis
	if d := p.t.Dims; len(d) > 1 {
		length, stride = int(d[1]), int(p.t.Len/d[0]/d[1])
	}
	out := make([]float64, len(tau))
	ranks := p.t.newRanking(length)
	for first := range len(tau) / length {
		at := first/stride*length*stride + first%stride
		for rank, k := range ranks.of(tau[at:], stride) {
			share := 0.5
			if length > 1 {
				share = float64(rank) / float64(length-1)
			}
			out[at+int(k)*stride] = max(0, min(1, density-p.epsilon+share*2*p.epsilon))
		}
	}
	return out
}

// ranking sorts the magnitudes of n elements at a time.
type ranking struct {
	t     *Tensor
	keys  []uint64 // magnitude above, position below: integers sort faster than indices
	order []uint32
}

func (t *Tensor) newRanking(n int) *ranking {
	return &ranking{t, make([]uint64, n), make([]uint32, n)}
}

// of returns the positions of x[0], x[stride], … in order of magnitude, the smallest first. Equal magnitudes,
// compared as in [Tensor.magnitudeKey], keep their order. The returned slice is overwritten by the next call.
func (r *ranking) of(x []float64, stride int) []uint32 {
	if r.t.Wide {
		for k := range r.order {
			r.order[k] = uint32(k)
		}
		slices.SortStableFunc(r.order, func(a, b uint32) int {
			return cmp.Compare(r.t.magnitudeKey(x[int(a)*stride]), r.t.magnitudeKey(x[int(b)*stride]))
		})
		return r.order
	}
	for k := range r.keys {
		r.keys[k] = uint64(r.t.magnitudeKey(x[k*stride]))<<32 | uint64(k)
	}
	slices.Sort(r.keys)
	for i, key := range r.keys {
		r.order[i] = uint32(key)
	}
	return r.order
}
