package method

import "math"

func init() {
	for _, vote := range []bool{false, true} {
		name, doc := "dare_linear", "drop changes at random, scale up the rest, and add"
		formula := "theta = base + lambda * sum_i w_i * m_i tau_i / density, m_i drawn with probability density"
		if vote {
			name, doc = "dare_ties", "drop changes at random, scale up the rest, and vote on signs"
			formula = "like ties_per_tensor, on m_i tau_i / density, m_i drawn with probability density"
		}
		register(Method{
			Name: name, Doc: doc, Formula: formula,
			Source: "Yu et al., Language models are super Mario, ICML 2024, eq. 2",
			Detail: "What is drawn depends on the seed, the tensor's name, the model's place among the models and the number's index, and on nothing " +
				"else: the generator is Philox4x64-10. A BatchNormalization's running variance that is drawn and scaled up can fall below 0, and is 0 then, which " +
				"makes its channel useless: --set op:BatchNormalization:density=1 draws nothing there.",
			MinModels: 2,
			Base:      true,
			Class:     Passes,
			Params:    sparseParams(false, rescaleParam("density", rescaleDoc), seedParam()),
			Differs: []Difference{
				{"mergekit " + name, "rescale is by the sum of magnitudes", "by 1/density; rescale=l1 is mergekit's", "the paper's"},
				{"MergeLM", "running statistics are no parameters and stay as they are", "they are mixed like weights, as in mergekit; a warning says how to " +
					"leave them out", "what is mixed is decided by tensor, not by method"},
				{"mergekit " + name, "torch's generator, tensor after tensor", "Philox, keyed", "the same bytes for any order and number of workers"},
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

// smallestDensity keeps 1/density finite; with a density of 0 nothing is left to scale.
const smallestDensity = 1e-300

// draw sets u to uniform numbers of 32 bits for elements off, off+1, … of a model.
type draw func(model int, u []uint32, off int64)

// drawn is the draw of a seed.
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

// dropAtRandom keeps each number with the probability density.
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
				// All ones where x is below, without a branch that nobody can predict.
				mask := uint64((int64(x) - below) >> 63)
				part[i] = math.Float64frombits(math.Float64bits(part[i]) & mask)
			}
		}
	}
}
