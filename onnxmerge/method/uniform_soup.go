package method

import "slices"

func init() {
	Register(Method{
		Name:    "uniform_soup",
		Doc:     "mean of all models, including the pre-trained one",
		Formula: "theta = 1/N * sum_i theta_i",
		Source:  "Wortsman et al., Model soups, ICML 2022, section 2",
		Detail: "The first model has the same weight as the others. The command wiseft soup selects which models to " +
			"average (greedy soup).",
		MinModels: 2,
		Combines:  true,
		Class:     Blocks,
		New: func(t *Tensor, _ Params) (Mixer, error) {
			if t.Models == 2 {
				return line(t, 0.5), nil
			}
			return blocks(combine(slices.Repeat([]float64{1 / float64(t.Models)}, t.Models)))
		},
	})
}
