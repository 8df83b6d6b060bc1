package method

func init() {
	Register(Method{
		Name:    "lines",
		Doc:     "scale the change of fine-tuning with depth: early layers stay close to the pre-trained model (LiNeS)",
		Formula: "theta = base + (alpha + beta * depth) * sum_i w_i * tau_i",
		Source:  "Wang et al., LiNeS: post-training layer scaling prevents forgetting, ICLR 2025, eq. 3",
		Detail: "depth is 0 for the first layer (an operator with a matrix or kernel) and 1 for the last merged layer, on " +
			"the longest path through the graph. For one fine-tuned model the paper uses beta = 1 - alpha.",
		MinModels: 2,
		Base:      true,
		Combines:  true,
		UsesDepth: true,
		Class:     Blocks,
		Params: []Param{
			{Name: "alpha", Doc: "factor at depth 0", Default: 0.5},
			{Name: "beta", Doc: "increase of the factor from depth 0 to depth 1", Default: 0.5},
			taskWeightParam(),
		},
		Differs: []Difference{{"wang-kee/LiNeS", "depth is the first number in a tensor's name that could be a block index",
			"depth is computed from the weight graph",
			"names are unreliable in ONNX files; the reference takes encoder.1.blocks.9 for block 1"}},
		New: func(t *Tensor, p Params) (Mixer, error) {
			factor := p.Number("alpha") + float64(p.Number("beta")*t.Depth)
			return tasks(t, scaled(p.Each("weight", t.Models-1), factor))
		},
	})
}
