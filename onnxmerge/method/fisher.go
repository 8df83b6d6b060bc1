package method

import (
	"math"
	"slices"
)

func init() {
	Register(Method{
		Name: "fisher",
		Doc:  "average weighted by the diagonal Fisher information of every model",
		Formula: "theta = sum_i c_i * max(F_i + smooth, floor) * theta_i / sum_i c_i * max(F_i + smooth, floor), c_i = " +
			"w_i, or w_i / (|F_i| + smooth)",
		Source: "Matena and Raffel, Merging models with Fisher-weighted averaging, NeurIPS 2022, eq. 4; norms as in " +
			"section 3.4 and in dataless-model-merging",
		Detail: "The Fisher information of a model is an ONNX file: the model, exported in the same way, with the mean of " +
			"squared gradients in place of every weight. A tensor that the file lacks counts as ones, also in norms. With " +
			"normalize, |F_i| is the Euclidean norm of a model's information over the tensor or over all merged tensors, so " +
			"that the overall size of a model's gradients does not affect its weight.",
		MinModels: 2,
		Fisher:    true,
		Class:     Passes,
		Params: []Param{
			{Name: "weight", Doc: "weights of the models", Default: 1.0, Min: 0, Max: math.MaxFloat64, PerModel: true},
			{Name: "floor", Doc: "lower bound of an element's information", Default: 1e-8, Min: 1e-300, Max: math.MaxFloat64},
			{Name: "smooth", Doc: "added to the information and to its norm", Default: 0.0, Min: 0, Max: math.MaxFloat64},
			{Name: "normalize", Doc: "divisor of a model's information: none, its norm over the tensor, or its norm over the " +
				"whole model", Kind: Choice,
				Default: "none", Choices: []string{"none", "tensor", "model"}, Global: true},
		},
		Differs: []Difference{{"dataless-model-merging", "divides by smooth if a model's information is all 0",
			"divides by the larger of smooth and floor",
			"smooth may be 0"}},
		Check: func(p Params, models int) error {
			if total(p.Each("weight", models)) == 0 {
				return &ParamError{msg: "the weights of method fisher are all 0"}
			}
			return nil
		},
		Survey: func(t *Tensor, p Params) (any, error) {
			if p.Choice("normalize") != "model" {
				return nil, nil
			}
			return fisherNorms(t)
		},
		New: newFisher,
	})
}

func newFisher(t *Tensor, p Params) (Mixer, error) {
	floor, smooth := p.Number("floor"), p.Number("smooth")
	weights := slices.Clone(p.Each("weight", t.Models))
	norms, _ := t.Survey.([]float64)
	if p.Choice("normalize") == "tensor" {
		var err error
		if norms, err = fisherNorms(t); err != nil {
			return Mixer{}, err
		}
	}
	for i, norm := range norms {
		weights[i] /= math.Max(norm+smooth, floor)
	}
	return blocks(fisherMix(normalized(weights), floor, smooth))
}

// fisherNorms returns the Euclidean norm of every model's information.
func fisherNorms(t *Tensor) ([]float64, error) {
	squares, err := sum(t, 1, t.Models, func(total []float64, src [][]float64, _ int64) {
		for m := range total {
			f := src[len(total)+m]
			total[m] += dot(f, f)
		}
	})
	for m, v := range squares {
		squares[m] = math.Sqrt(v)
	}
	return squares, err
}

// fisherMix returns the weighted average. The Fisher informations follow the models in src.
func fisherMix(weights []float64, floor, smooth float64) Mix {
	return func(dst []float64, src [][]float64, _ int64) {
		informations := src[len(weights):]
		whole := informations[0][:len(dst)] // sum over the models
		for m, w := range weights {
			x, information := src[m][:len(dst)], informations[m][:len(dst)]
			for i, f := range information {
				f = -w * min(-f-smooth, -floor) // max(f+smooth, floor), which min computes faster
				v := float64(f * x[i])
				if m > 0 {
					v, f = dst[i]+v, whole[i]+f
				}
				dst[i], whole[i] = v, f
			}
		}
		for i, f := range whole {
			dst[i] /= f
		}
	}
}
