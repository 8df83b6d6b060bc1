package method

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
)

func init() {
	register(Method{
		Name:    "linear",
		Doc:     "interpolate on the straight line between the models (WiSE-FT), or average them with weights",
		Formula: "theta = (1 - alpha) * pretrained + alpha * finetuned; with weight: sum_i w_i * theta_i / sum_i w_i",
		Source:  "Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, eq. 1",
		Detail: "Of more than two models without weight, finetuned is the mean of all but the first. With weight, all models count " +
			"alike, the first too, and alpha is not used.",
		MinModels: 2,
		Class:     Blocks,
		Params: []Param{
			{Name: "alpha", Doc: "0 is the pre-trained model, 1 the fine-tuned one", Default: 0.5, Min: 0, Max: 1, Extends: true},
			{Name: "weight", Doc: "of the models in a weighted average", PerModel: true},
			{Name: "normalize", Doc: "divide by the sum of the weights; true if not given", Kind: Bool},
		},
		Differs: []Difference{
			{"mergekit linear", "sums in the dtype of the models", "float64, rounded once", "16-bit sums lose what the weights differ by"},
			{"wise-ft", "mixes int64 tensors too and truncates", "integers are copied", "an index or counter has no average"},
		},
		Check: func(p Params, models int) error {
			if !p.Given("weight") {
				return nil
			}
			return checkTotal("linear", p, p.Each("weight", models))
		},
		New: newLinear,
	})
}

// checkTotal refuses weights that cannot be divided by their sum.
func checkTotal(method string, p Params, weights []float64) error {
	if p.isNormalized() && total(weights) == 0 {
		return &ParamError{msg: "the weights of method " + method + " add up to 0 and cannot be normalized; set normalize=false"}
	}
	return nil
}

// isNormalized reads normalize, which is true if it is not given.
func (p Params) isNormalized() bool {
	on, ok := p["normalize"].(bool)
	return on || !ok
}

func newLinear(t *Tensor, p Params) (Mixer, error) {
	if p.Given("weight") {
		weights := p.Each("weight", t.Models)
		if p.isNormalized() {
			weights = normalized(weights)
		}
		return blocks(combine(weights))
	}
	alpha := p.Number("alpha")
	switch {
	case t.Models == 2:
		return line(t, alpha), nil
	case alpha == 0:
		return copyOf(0), nil
	}
	rest := alpha / float64(t.Models-1)
	return blocks(combine(append([]float64{1 - alpha}, slices.Repeat([]float64{rest}, t.Models-1)...)))
}

// line is the mixer of (1-alpha) * first + alpha * second of two models, for which there
// is a loop over stored bytes.
func line(t *Tensor, alpha float64) Mixer {
	if alpha == 0 || alpha == 1 {
		return copyOf(int(alpha))
	}
	return Mixer{
		Mix: func(dst []float64, src [][]float64, _ int64) { kernel.Lerp(dst, src[0], src[1], alpha) },
		Direct: func(dst []byte, src [][]byte) bool {
			return t.Codec.Lerp(dst, src[0], src[1], alpha)
		},
	}
}

// tasks is the mixer of base + sum_i c[i] * tau_i; of one task vector it is a line.
func tasks(t *Tensor, c []float64) (Mixer, error) {
	if t.Models == 2 {
		return line(t, c[0]), nil
	}
	return blocks(combineTasks(c))
}

// normalized returns weights divided by their sum.
func normalized(weights []float64) []float64 {
	sum := total(weights)
	out := make([]float64, len(weights))
	for i, w := range weights {
		out[i] = w / sum
	}
	return out
}
