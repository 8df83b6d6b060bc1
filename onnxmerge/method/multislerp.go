package method

import (
	"fmt"
	"math"
)

func init() {
	Register(Method{
		Name:    "multislerp",
		Doc:     "weighted mean of the directions times the weighted mean of the lengths, of any number of models",
		Formula: "theta = sum_i w_i |theta_i| * m / |m|, m = sum_i w_i * theta_i / |theta_i|; with base, of tau",
		Source:  "Goddard, Multi-SLERP, 2025 (mergekit multislerp)",
		Detail: "The reference then projects the models to the tangent space at m and back. The sum of these projections " +
			"is zero by the definition of m, so this step is omitted. If m is zero, the result is the weighted sum of the " +
			"models.",
		MinModels: 2,
		Class:     Passes,
		Params: []Param{
			{Name: "weight", Doc: "weights of the models", Default: 1.0, PerModel: true},
			{Name: "normalize", Doc: "divide the weights by their sum", Kind: Bool, Default: true},
			{Name: "base", Doc: "use the first model as the origin instead of as one of the models; its weight is then ignored",
				Kind: Bool, Default: true},
		},
		Differs: []Difference{
			{"mergekit multislerp", "fails if the directions cancel", "takes the weighted sum and prints a note",
				"one tensor of zeros must not stop a merge"},
			{"mergekit multislerp", "adds 1e-8 to lengths before dividing", "adds nothing",
				"directions must not depend on the scale of a tensor"},
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
	// m is sum_i c_i theta_i; a zero vector has no direction.
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
			t.Note(fmt.Sprintf("tensor %q: the directions of the models cancel; the result is their weighted sum", t.ID))
		}
		return blocks(mix(weights))
	}
	return blocks(mix(scaled(c, length/m)))
}

// directionsCancel is the length below which a mean of directions counts as zero, as in mergekit.
const directionsCancel = 1e-8
