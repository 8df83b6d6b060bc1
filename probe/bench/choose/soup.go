package choose

import (
	"cmp"
	"slices"
)

// The rules of [GreedySoup]: what a model must bring to be taken.
const (
	// SoupRule is that of the paper's recipe 1.
	SoupRule = "best first, ties in the order given; a model is taken if validation accuracy does not fall"
	// StrictSoupRule is that of the paper's published code, which compares with >.
	StrictSoupRule = "best first, ties in the order given; a model is taken if validation accuracy rises"
)

// SoupStep is what was decided of one model.
type SoupStep struct {
	Model int     // its index in the order given
	Alone float64 // its own score
	Soup  float64 // the score of the average of what was taken before and this model
	Taken bool
}

// GreedySoup chooses which of n models to average, as recipe 1 of Wortsman et al., Model
// soups, ICML 2022 does: the models are sorted by their own score, the best first and
// equal ones in the order given; each is taken if the average with it scores no less than
// the average without it, with strict more. The best one is always taken.
//
// score returns the score of the uniform average of the models with the given indices,
// of which the best comes first; more is better. It is called once for each model alone,
// in the order given, and once for each but the best in an average. report, which may be
// nil, is told every step. The steps are in the order of the sort. An error of score
// ends the search.
func GreedySoup(n int, strict bool, score func(models []int) (float64, error), report func(SoupStep)) ([]SoupStep, error) {
	steps := make([]SoupStep, n)
	for i := range steps {
		alone, err := score([]int{i})
		if err != nil {
			return nil, err
		}
		steps[i] = SoupStep{Model: i, Alone: alone}
	}
	slices.SortStableFunc(steps, func(a, b SoupStep) int { return cmp.Compare(b.Alone, a.Alone) })
	var taken []int
	best := 0.0
	for k := range steps {
		s := &steps[k]
		with := append(slices.Clone(taken), s.Model)
		if s.Soup = s.Alone; k > 0 {
			var err error
			if s.Soup, err = score(with); err != nil {
				return nil, err
			}
		}
		s.Taken = k == 0 || s.Soup > best || (!strict && s.Soup == best)
		if s.Taken {
			taken, best = with, s.Soup
		}
		if report != nil {
			report(*s)
		}
	}
	return steps, nil
}
