package method

func init() {
	register(Method{
		Name:    "lines",
		Doc:     "scale what fine-tuning changed by depth: early layers stay close to the pre-trained model (LiNeS)",
		Formula: "theta = base + (alpha + beta * depth) * sum_i w_i * tau_i",
		Source:  "Wang et al., LiNeS: post-training layer scaling prevents forgetting, ICLR 2025, eq. 3",
		Detail: "depth is 0 for the first layer (operator with a matrix or kernel) and 1 for the last that is merged, along the longest path through the graph. For one " +
			"fine-tuned model the paper takes beta = 1 - alpha.",
		MinModels: 2,
		Base:      true,
		UsesDepth: true,
		Class:     Blocks,
		Params: []Param{
			{Name: "alpha", Doc: "factor at depth 0", Default: 0.5},
			{Name: "beta", Doc: "what is added to it at depth 1", Default: 0.5},
			taskWeightParam(),
		},
		Differs: []Difference{{"wang-kee/LiNeS", "depth is the first number in a tensor's name that could be a block's", "depth in the weight graph",
			"names are not reliable in ONNX files; in the reference encoder.1.blocks.9 is block 1"}},
		New: func(t *Tensor, p Params) (Mixer, error) {
			factor := p.Number("alpha") + float64(p.Number("beta")*t.Depth)
			return tasks(t, scaled(p.Each("weight", t.Models-1), factor))
		},
	})
}
