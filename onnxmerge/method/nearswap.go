package method

import "math"

func init() {
	Register(Method{
		Name:      "nearswap",
		Doc:       "move every element towards the other model by at most t",
		Formula:   "theta = base + s * (other - base), s = min(1, t / |other - base|)",
		Source:    "alchemonaut, QuartetAnemoi-70B-t0.0001, model card, 2024",
		Detail:    "Elements that differ by at most t are taken from the other model unchanged.",
		MinModels: 2, MaxModels: 2,
		Base:   true,
		Class:  Blocks,
		Params: []Param{{Name: "t", Doc: "largest change of an element", Default: 0.001, Min: 0, Max: math.MaxFloat64}},
		Differs: []Difference{
			{"mergekit nearswap", "refuses t = 0", "is the base", "it is the limit of small t"},
		},
		New: func(_ *Tensor, p Params) (Mixer, error) {
			t := p.Number("t")
			if t == 0 {
				return copyOf(0), nil
			}
			return blocks(func(dst []float64, src [][]float64, _ int64) {
				a, b := src[0][:len(dst)], src[1][:len(dst)]
				for i, x := range a {
					dst[i] = min(-min(t-x, -b[i]), x+t) // branch-free; max is slower than min
				}
			})
		},
	})
}
