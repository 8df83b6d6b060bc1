package method

import "math"

// linearCosine is the cosine from which the arc is replaced by the straight line, as in mergekit.
const linearCosine = 0.9995

func init() {
	Register(Method{
		Name:    "slerp",
		Doc:     "interpolate on the arc between the two models, by tensor",
		Formula: "theta = sin((1-t)*Omega)/sin(Omega) * first + sin(t*Omega)/sin(Omega) * second, cos(Omega) = their cosine",
		Source:  "Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985; per tensor as in mergekit",
		Detail: "If |cosine| is above 0.9995, the interpolation is linear; a tensor of zeros counts as orthogonal. Most " +
			"tensors of a fine-tuned model are that close to the pre-trained ones, so that slerp equals linear there.",
		MinModels: 2, MaxModels: 2,
		Class:  Passes,
		Params: []Param{{Name: "t", Doc: "0 is the first model, 1 the second", Default: 0.5, Min: 0, Max: 1}},
		Differs: []Difference{{"mergekit slerp", "does not normalise vectors of norm up to 1e-8",
			"does not normalise vectors of norm 0",
			"the result must not depend on the scale of the weights"}},
		New: func(tensor *Tensor, p Params) (Mixer, error) {
			t := p.Number("t")
			switch t {
			case 0:
				return copyOf(0), nil
			case 1:
				return copyOf(1), nil
			}
			g, err := gramOf(tensor, -1)
			if err != nil {
				return Mixer{}, err
			}
			cosine := cosineOf(g[0][0], g[0][1], g[1][1])
			if !(math.Abs(cosine) <= linearCosine) { // true for NaN, too
				return blocks(combine([]float64{1 - t, t}))
			}
			a, b := arc(cosine, t)
			return blocks(combine([]float64{a, b}))
		},
	})
}

// cosineOf returns the cosine of two vectors with the given scalar products, 0 if one is zero.
func cosineOf(aa, ab, bb float64) float64 {
	if aa == 0 || bb == 0 {
		return 0
	}
	return math.Max(-1, math.Min(1, ab/(math.Sqrt(aa)*math.Sqrt(bb))))
}

// arc returns the factors of two vectors with the given cosine at position t on the arc between them.
func arc(cosine, t float64) (a, b float64) {
	omega := math.Acos(cosine)
	return math.Sin((1-t)*omega) / math.Sin(omega), math.Sin(t*omega) / math.Sin(omega)
}
