package method

import "math"

// ramEpsilon is the least magnitude that counts as a change.
func ramEpsilon() Param {
	return Param{Name: "epsilon", Doc: "changes up to this magnitude count as none", Default: 1e-5, Min: 0,
		Max: math.MaxFloat64}
}

func init() {
	Register(Method{
		Name:      "ram",
		Doc:       "keep changes that one model alone made, average changes that several models made",
		Formula:   "theta = base + sum_i m_i * tau_i / max(1, sum_i m_i), m_i = (|tau_i| > epsilon)",
		Source:    "Reinforced Agent Merging, arXiv 2601.13572, section 3",
		MinModels: 2,
		Base:      true,
		Class:     Blocks,
		Params:    []Param{ramEpsilon()},
		New: func(t *Tensor, p Params) (Mixer, error) {
			unique := make([]float64, t.Models-1)
			for i := range unique {
				unique[i] = 1
			}
			return blocks(ramMix(p.Number("epsilon"), unique))
		},
	})
	Register(Method{
		Name:      "ramplus_tl",
		Doc:       "as ram, and amplify the changes of one model alone by its ratio of shared to unique changes",
		Formula:   "as ram, with unique changes times 1 + r * min(alpha, shared_i / unique_i), counted by tensor",
		Source:    "Reinforced Agent Merging, arXiv 2601.13572, RAM+ with counts by tensor (mergekit ramplus_tl)",
		MinModels: 2,
		Base:      true,
		Class:     Passes,
		Params: []Param{
			{Name: "r", Doc: "strength of the amplification", Default: 0.1, Min: 0, Max: math.MaxFloat64},
			{Name: "alpha", Doc: "upper bound of the ratio of shared to unique changes", Default: 0.2, Min: 0,
				Max: math.MaxFloat64},
			ramEpsilon(),
		},
		New: func(t *Tensor, p Params) (Mixer, error) {
			epsilon, tasks := p.Number("epsilon"), t.Models-1
			counts, err := sum(t, 1, 2*tasks, func(total []float64, src [][]float64, _ int64) {
				countChanges(total, src, epsilon)
			})
			if err != nil {
				return Mixer{}, err
			}
			unique := make([]float64, tasks)
			for i := range unique {
				// As in the reference, 0 unique changes count as epsilon.
				rho := counts[i] / math.Max(counts[tasks+i], epsilon)
				if counts[i] == 0 {
					rho = 0
				}
				unique[i] = 1 + p.Number("r")*math.Min(rho, p.Number("alpha"))
			}
			return blocks(ramMix(epsilon, unique))
		},
	})
}

// countChanges adds, for each model, the numbers of its changes that others share and that they do not share.
func countChanges(total []float64, src [][]float64, epsilon float64) {
	fromBase(src)
	tasks := src[1:]
	for i := range src[0] {
		n := 0
		for _, tau := range tasks {
			if math.Abs(tau[i]) > epsilon {
				n++
			}
		}
		for m, tau := range tasks {
			switch {
			case math.Abs(tau[i]) <= epsilon:
			case n > 1:
				total[m]++
			default:
				total[len(tasks)+m]++
			}
		}
	}
}

// ramMix averages the changes that several models share, and multiplies those of model i alone by unique[i]. The
// loops are branch-free, because which elements changed is unpredictable.
func ramMix(epsilon float64, unique []float64) Mix {
	if len(unique) == 1 {
		return func(dst []float64, src [][]float64, _ int64) { ramAlone(dst, src[0], src[1], epsilon) }
	}
	return func(dst []float64, src [][]float64, _ int64) {
		const n = 256
		var count, factor [n]float64
		fromBase(src)
		for at := 0; at < len(dst); at += n {
			out := dst[at:min(at+n, len(dst))]
			clear(out)
			clear(count[:])
			clear(factor[:])
			for m, tau := range src[1:] {
				one, alone := math.Float64bits(1), math.Float64bits(unique[m])
				for i, v := range tau[at:][:len(out)] {
					changed := isChange(v, epsilon)
					out[i] += math.Float64frombits(math.Float64bits(v) & changed)
					count[i] += math.Float64frombits(one & changed)
					factor[i] += math.Float64frombits(alone & changed)
				}
			}
			for i, b := range src[0][at:][:len(out)] {
				isShared := uint64(int64(math.Float64bits(1)-math.Float64bits(count[i])) >> 63) // count is 2 or more
				average, alone := out[i]/max(1, count[i]), float64(out[i]*factor[i])
				out[i] = b + math.Float64frombits(math.Float64bits(average)&isShared|math.Float64bits(alone)&^isShared)
			}
		}
	}
}

// ramAlone is ramMix of one model, which has no shared changes, so that nothing is amplified.
func ramAlone(dst, base, model []float64, epsilon float64) {
	base, model = base[:len(dst)], model[:len(dst)]
	for i, b := range base {
		v := model[i] - b
		dst[i] = b + math.Float64frombits(math.Float64bits(v)&isChange(v, epsilon))
	}
}

// isChange returns all ones if v is larger than epsilon in magnitude or NaN, else 0.
func isChange(v, epsilon float64) uint64 {
	return uint64(int64(math.Float64bits(epsilon)-math.Float64bits(v)&^(1<<63)) >> 63)
}
