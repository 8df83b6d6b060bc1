package method

import "math"

func init() {
	register(Method{
		Name:    "fisher",
		Doc:     "average weighted by the diagonal Fisher information: who is sure of a number decides it",
		Formula: "theta = sum_i w_i * max(F_i + smooth, floor) * theta_i / sum_i w_i * max(F_i + smooth, floor)",
		Source:  "Matena and Raffel, Merging models with Fisher-weighted averaging, NeurIPS 2022, eq. 4",
		Detail: "The Fisher information of a model is given as an ONNX file: the model itself, exported in the same way, with the mean of " +
			"squared gradients in the place of every weight. A tensor that the file does not have counts as ones.",
		MinModels: 2,
		Fisher:    true,
		Class:     Blocks,
		Params: []Param{
			{Name: "weight", Doc: "of the models", Default: 1.0, Min: 0, Max: math.MaxFloat64, PerModel: true},
			{Name: "floor", Doc: "the least information that a number has", Default: 1e-8, Min: 1e-300, Max: math.MaxFloat64},
			{Name: "smooth", Doc: "what is added to the information", Default: 0.0, Min: 0, Max: math.MaxFloat64},
		},
		Differs: []Difference{{"dataless-model-merging", "can divide the information by its norm", "not offered",
			"the weight of a model says the same"}},
		Check: func(p Params, models int) error {
			if total(p.Each("weight", models)) == 0 {
				return &ParamError{msg: "the weights of method fisher are all 0"}
			}
			return nil
		},
		New: func(t *Tensor, p Params) (Mixer, error) {
			weights, floor, smooth := p.Each("weight", t.Models), p.Number("floor"), p.Number("smooth")
			return blocks(func(dst []float64, src [][]float64, _ int64) {
				for i := range dst {
					num, den := 0.0, 0.0
					for m, w := range weights {
						f := w * math.Max(src[len(weights)+m][i]+smooth, floor)
						num += float64(f * src[m][i])
						den += f
					}
					dst[i] = num / den
				}
			})
		},
	})
}
