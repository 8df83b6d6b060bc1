package method

import "github.com/wiseft/wiseft/onnxmerge/internal/kernel"

func init() {
	register(Method{
		Name:    "linear",
		Doc:     "interpolate on the straight line between the two models (WiSE-FT)",
		Formula: "theta = (1 - alpha) * pretrained + alpha * finetuned",
		Source:  "Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, eq. 1",
		Models:  2,
		Params: []Param{{
			Name: "alpha", Doc: "0 is the pre-trained model, 1 the fine-tuned one",
			Default: 0.5, Min: 0, Max: 1, Extends: true,
		}},
		New: func(p Params) Mix {
			alpha := p["alpha"]
			return func(dst []float64, src [][]float64) {
				kernel.Lerp(dst, src[0], src[1], alpha)
			}
		},
		NewDirect: func(p Params, c kernel.Codec) Direct {
			alpha := p["alpha"]
			return func(dst []byte, src [][]byte) bool {
				return c.Lerp(dst, src[0], src[1], alpha)
			}
		},
		Copies: func(p Params) (int, bool) {
			switch p["alpha"] {
			case 0:
				return 0, true
			case 1:
				return 1, true
			}
			return 0, false
		},
	})
}
