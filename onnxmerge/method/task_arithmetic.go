package method

func init() {
	Register(Method{
		Name:    "task_arithmetic",
		Doc:     "add scaled task vectors: addition, negation and analogy of tasks",
		Formula: "theta = base + lambda * sum_i w_i * tau_i",
		Source:  "Ilharco et al., Editing models with task arithmetic, ICLR 2023, section 2",
		Detail: "Negation is weight=-1; the analogy \"A is to B as C is to the result\" is weight=-1,1,1. With one " +
			"fine-tuned model the result equals that of method linear with alpha = lambda. The models base, fine-tune and " +
			"new release of the base carry the fine-tune to the release: [what that brings](#corrections-after-a-merge).",
		MinModels: 2,
		Base:      true,
		Combines:  true,
		Class:     Blocks,
		Params: []Param{
			lambdaParam(),
			taskWeightParam(),
			{Name: "normalize", Doc: "divide by the sum of the weights", Kind: Bool, Default: false},
		},
		Differs: []Difference{{"mergekit task_arithmetic", "does not normalize weights that sum to less than 1e-8",
			"refuses weights that sum to 0",
			"the size of the result would be rounding error"}},
		Check: func(p Params, models int) error {
			return checkTotal("task_arithmetic", p, p.Each("weight", models-1))
		},
		New: func(t *Tensor, p Params) (Mixer, error) {
			lambda, weights := p.Number("lambda"), p.Each("weight", t.Models-1)
			if lambda == 0 {
				return copyOf(0), nil
			}
			if p.Bool("normalize") {
				weights = normalized(weights)
			}
			return tasks(t, scaled(weights, lambda))
		},
	})
}

// lambdaParam is the factor of the merged task vector.
func lambdaParam() Param {
	return Param{Name: "lambda", Doc: "factor of the merged task vector; 0 is the base", Default: 1.0}
}

func taskWeightParam() Param {
	return Param{Name: "weight", Doc: "weights of the task vectors", Default: 1.0, PerTask: true}
}

// scaled returns list times factor.
func scaled(list []float64, factor float64) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = v * factor
	}
	return out
}
