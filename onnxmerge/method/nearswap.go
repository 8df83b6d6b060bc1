package method

import "math"

func init() {
	register(Method{
		Name:      "nearswap",
		Doc:       "move every number towards the other model's by at most t",
		Formula:   "theta = base + s * (other - base), s = min(1, t / |other - base|)",
		Source:    "alchemonaut, QuartetAnemoi-70B-t0.0001, model card, 2024",
		Detail:    "Where the models are nearer than t, the other one's number is taken as it is.",
		MinModels: 2, MaxModels: 2,
		Base:   true,
		Class:  Blocks,
		Params: []Param{{Name: "t", Doc: "the farthest that a number moves", Default: 0.001, Min: 0, Max: math.MaxFloat64}},
		New: func(_ *Tensor, p Params) (Mixer, error) {
			t := p.Number("t")
			if t == 0 {
				return copyOf(0), nil
			}
			return blocks(func(dst []float64, src [][]float64, _ int64) {
				a, b := src[0][:len(dst)], src[1][:len(dst)]
				for i, x := range a {
					dst[i] = min(-min(t-x, -b[i]), x+t) // no branch, which nobody could predict; max is the slower of the two
				}
			})
		},
	})
}
