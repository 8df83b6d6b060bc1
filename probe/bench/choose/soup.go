package choose

import (
	"cmp"
	"slices"
)

// SoupOptions sets how a greedy soup is chosen. The zero value is recipe 1 of the paper.
type SoupOptions struct {
	// Strict takes a model only if the score rises, as the paper's published code does, which compares with >. Without
	// it a model is taken if the score does not fall.
	Strict bool
	Report func(SoupStep) // called after every decision; nil = not
}

// Rule describes in one line which models are taken.
func (o SoupOptions) Rule() string {
	if o.Strict {
		return "best first, ties in the order given; a model is taken if validation accuracy rises"
	}
	return "best first, ties in the order given; a model is taken if validation accuracy does not fall"
}

// SoupStep is a model that was tried, and whether it was taken. Its JSON is a part of what `wiseft soup` prints.
type SoupStep struct {
	Index  int     `json:"-"`             // of the model, in the order given
	Model  string  `json:"model"`         // its name
	Tensor string  `json:"tensor"`        // the output with its features
	Alone  float64 `json:"accuracy"`      // its own score
	Soup   float64 `json:"soup_accuracy"` // the score of the average of the models taken before and this one
	Taken  bool    `json:"taken"`
}

// GreedySoup chooses which models to average, as recipe 1 of Wortsman et al., Model soups, ICML 2022 does: the models
// are sorted by their own score, the best first and equal ones in the order given; each is taken if the average with
// it scores no less than the average without it, with Strict more. The best one is always taken.
//
// Of models, Model and Tensor are used. score returns the score of the uniform average of the models with the given
// indices, of which the best comes first; more is better. It is called once for each model alone, in the order given,
// and once for each but the best in an average. The steps are returned in the order of the sort. An error of score
// ends the search.
func GreedySoup(models []SoupStep, opt SoupOptions, score func(models []int) (float64, error)) ([]SoupStep, error) {
	steps := slices.Clone(models)
	for i := range steps {
		alone, err := score([]int{i})
		if err != nil {
			return nil, err
		}
		steps[i].Index, steps[i].Alone, steps[i].Taken = i, alone, false
	}
	slices.SortStableFunc(steps, func(a, b SoupStep) int { return cmp.Compare(b.Alone, a.Alone) })
	var taken []int
	best := 0.0
	for k := range steps {
		s := &steps[k]
		with := append(slices.Clone(taken), s.Index)
		if s.Soup = s.Alone; k > 0 {
			var err error
			if s.Soup, err = score(with); err != nil {
				return nil, err
			}
		}
		s.Taken = k == 0 || s.Soup > best || (!opt.Strict && s.Soup == best)
		if s.Taken {
			taken, best = with, s.Soup
		}
		if opt.Report != nil {
			opt.Report(*s)
		}
	}
	return steps, nil
}
