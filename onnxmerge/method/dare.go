package method

import "math"

func init() {
	for _, vote := range []bool{false, true} {
		name, doc := "dare_linear", "drop elements at random, scale up the rest, and add the task vectors"
		formula := "theta = base + lambda * sum_i w_i * m_i tau_i / density, m_i drawn with probability density"
		if vote {
			name, doc = "dare_ties", "drop elements at random, scale up the rest, and elect signs"
			formula = "as ties_per_tensor, on m_i tau_i / density, m_i drawn with probability density"
		}
		Register(Method{
			Name: name, Doc: doc, Formula: formula,
			Source: "Yu et al., Language models are super Mario, ICML 2024, eq. 2",
			Detail: "Masks depend on the seed, the tensor's ID, the model's position and the element's index alone: the " +
				"generator is Philox4x64-10. Scaling up a BatchNormalization's running variance can take it below 0; it is then " +
				"set to 0, which makes its channel useless. --set op:BatchNormalization:density=1 keeps all of its elements.",
			MinModels: 2,
			Base:      true,
			Class:     Passes,
			Params:    sparseParams(false, rescaleParam("density", rescaleDoc), seedParam()),
			Differs: []Difference{
				smallSums("mergekit " + name),
				{"mergekit " + name, "rescales to the sum of magnitudes", "rescales by 1/density; rescale=l1 is mergekit's",
					"as in the paper"},
				{"MergeLM", "running statistics are not parameters and are kept",
					"they are merged like weights, as in mergekit; a warning names the " +
						"options that exclude them", "which tensors are merged does not depend on the method"},
				{"mergekit " + name, "torch's generator, in sequence over tensors", "Philox, keyed by tensor and model",
					"the same bytes for any order and number of workers"},
			},
			Check:    checkSparse(name, vote),
			Rescales: rescales,
			New: func(t *Tensor, p Params) (Mixer, error) {
				density := p.Each("density", t.Models-1)
				s := newSparse(t, p, 1, dropAtRandom(density, drawn(t, p)))
				s.vote = vote
				switch p.Choice("rescale") {
				case "density":
					for m, d := range density {
						s.scale[m] = 1 / max(d, smallestDensity)
					}
				case "l1":
					if err := s.keepL1(); err != nil {
						return Mixer{}, err
					}
				}
				return s.mixer(), nil
			},
		})
	}
}

// smallestDensity keeps 1/density finite. With a density of 0 every element is dropped, so that the factor has no
// effect.
const smallestDensity = 1e-300

// draw sets u to uniform 32-bit numbers for elements off, off+1, … of a model.
type draw func(model int, u []uint32, off int64)

// drawn returns the draw of the seed in p.
func drawn(t *Tensor, p Params) draw {
	if t.masks != nil {
		return t.masks
	}
	generators := make([]generator, t.Models-1)
	for m := range generators {
		generators[m] = newGenerator(uint64(p.Number("seed")), t.ID, m)
	}
	return func(model int, u []uint32, off int64) { generators[model].draw(u, off) }
}

// dropAtRandom keeps each element with probability density.
func dropAtRandom(density []float64, random draw) sparsifier {
	return func(model int, tau []float64, off int64) {
		keep := density[model]
		if keep == 1 {
			return
		}
		below := threshold(keep)
		var u [256]uint32
		for at := 0; at < len(tau); at += len(u) {
			part := tau[at:min(at+len(u), len(tau))]
			random(model, u[:len(part)], off+int64(at))
			for i, x := range u[:len(part)] {
				// All ones if x is below, branch-free, because the outcome is unpredictable.
				mask := uint64((int64(x) - below) >> 63)
				part[i] = math.Float64frombits(math.Float64bits(part[i]) & mask)
			}
		}
	}
}
