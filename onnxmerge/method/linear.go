package method

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
)

func init() {
	Register(Method{
		Name:    "linear",
		Doc:     "interpolate linearly between the models (WiSE-FT), or average them with weights",
		Formula: "theta = (1 - alpha) * pretrained + alpha * finetuned; with weight: sum_i w_i * theta_i / sum_i w_i",
		Source:  "Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, eq. 1",
		Detail: "With more than two models and no weight, finetuned is the mean of all but the first. With weight, all " +
			"models are treated equally, including the first, and alpha is ignored.",
		MinModels: 2,
		Combines:  true,
		Class:     Blocks,
		Params: []Param{
			{Name: "alpha", Doc: "0 is the pre-trained model, 1 the fine-tuned one", Default: 0.5, Min: 0, Max: 1,
				Extends: true},
			{Name: "weight", Doc: "weights of the models in a weighted average", PerModel: true},
			{Name: "normalize", Doc: "divide by the sum of the weights; true if absent", Kind: Bool},
		},
		Differs: []Difference{
			{"mergekit linear", "sums in the dtype of the models", "sums in float64 and rounds once",
				"16-bit sums lose the differences between the weights"},
			{"wise-ft", "averages int64 tensors, too, and truncates", "copies integers",
				"the average of indices or counters has no meaning"},
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

// checkTotal refuses weights that sum to 0 if they are to be normalized.
func checkTotal(method string, p Params, weights []float64) error {
	if p.isNormalized() && total(weights) == 0 {
		return &ParamError{msg: "the weights of method " + method +
			" add up to 0 and cannot be normalized; set normalize=false"}
	}
	return nil
}

// isNormalized returns normalize, which is true if absent.
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

// line returns the Mixer (1-alpha) * first + alpha * second of two models, with the loop over stored bytes if there
// is one.
func line(t *Tensor, alpha float64) Mixer {
	if alpha == 0 || alpha == 1 {
		return copyOf(int(alpha))
	}
	m := Mixer{Mix: func(dst []float64, src [][]float64, _ int64) { kernel.Lerp(dst, src[0], src[1], alpha) }}
	if t.Lerp != nil {
		m.Direct = func(dst []byte, src [][]byte) bool { return t.Lerp(dst, src[0], src[1], alpha) }
	}
	return m
}

// tasks returns the Mixer base + sum_i c[i] * tau_i, which for one task vector is a line.
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
