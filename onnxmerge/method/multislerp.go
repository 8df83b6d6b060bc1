package method

import (
	"fmt"
	"math"
)

func init() {
	register(Method{
		Name:    "multislerp",
		Doc:     "the weighted mean of directions and of lengths, of any number of models",
		Formula: "theta = sum_i w_i |theta_i| * m / |m|, m = sum_i w_i * theta_i / |theta_i|; with base, of tau",
		Source:  "Goddard, Multi-SLERP, 2025 (mergekit multislerp)",
		Detail: "The reference goes on to project the models to the tangent space at m and back; the sum of these projections is zero by the " +
			"definition of m, so nothing is left of that. Where m is zero the weighted sum of the models is taken.",
		MinModels: 2,
		Class:     Passes,
		Params: []Param{
			{Name: "weight", Doc: "of the models", Default: 1.0, PerModel: true},
			{Name: "normalize", Doc: "divide the weights by their sum", Kind: Bool, Default: true},
			{Name: "base", Doc: "whether the first model is the origin instead of one of the models; its weight is not used", Kind: Bool, Default: true},
		},
		Differs: []Difference{
			{"mergekit multislerp", "refuses where the directions cancel", "the weighted sum, with a note", "one tensor of zeros must not stop a merge"},
			{"mergekit multislerp", "adds 1e-8 to lengths that it divides by", "nothing", "directions must not depend on the scale of a tensor"},
		},
		Check: func(p Params, models int) error {
			weights := p.Each("weight", models)
			if p.Bool("base") {
				weights = weights[1:]
			}
			return checkTotal("multislerp", p, weights)
		},
		New: newMultislerp,
	})
}

func newMultislerp(t *Tensor, p Params) (Mixer, error) {
	weights, base, mix := p.Each("weight", t.Models), -1, combine
	if p.Bool("base") {
		weights, base, mix = weights[1:], 0, combineTasks
	}
	if p.Bool("normalize") {
		weights = normalized(weights)
	}
	g, err := gramOf(t, base)
	if err != nil {
		return Mixer{}, err
	}
	// m is sum_i c_i theta_i; a vector of zeros has no direction.
	c, length := make([]float64, len(weights)), 0.0
	for i, w := range weights {
		if n := g.norm(i); n > 0 {
			c[i] = w / n
			length += w * n
		}
	}
	m := math.Sqrt(math.Max(0, g.product(c, c)))
	if m < directionsCancel {
		if length != 0 {
			t.Note(fmt.Sprintf("tensor %q: the directions of the models cancel; their weighted sum is taken", t.ID))
		}
		return blocks(mix(weights))
	}
	return blocks(mix(scaled(c, length/m)))
}

// directionsCancel is the length of a mean of directions below which it is none, as in
// mergekit.
const directionsCancel = 1e-8
