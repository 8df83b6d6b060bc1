package method

import (
	"math"
	"slices"
)

func init() {
	register(Method{
		Name:    "ties",
		Doc:     "trim every task vector as a whole, elect a sign for each number, and average those that agree (the paper's TIES)",
		Formula: "theta = base + lambda * mean of the trimmed tau_i whose sign is that of their sum",
		Source:  "Yadav et al., TIES-Merging: resolving interference when merging models, NeurIPS 2023, algorithm 1",
		Detail: "One threshold holds for all merged weights of a model together; whatever is as large as the density-th number stays, ties " +
			"included. Where the sum is 0, the sign is that of most numbers of the merge. ties_per_tensor is what mergekit calls ties.",
		MinModels: 2,
		Base:      true,
		Class:     Passes,
		Params: []Param{
			{Name: "density", Doc: "share of the numbers of a task vector that stay", Default: 0.2, Min: 0, Max: 1, PerTask: true, Global: true},
			lambdaParam(),
			{Name: "merge", Doc: "what is made of the numbers that agree", Kind: Choice, Default: "mean", Choices: []string{"mean", "sum", "max"}},
		},
		Differs: []Difference{
			{"TIES reference", "int(density*n)+1 numbers and what is equal to the last", "int(density*n) and what is equal to the last", "density means what it says"},
			{"TIES reference", "density 1 raises", "keeps all", "it is in range"},
			{"TIES reference", "a zero sum where no sign has the majority: only negative numbers stay", "positive ones", "as in mergekit; neither has a reason"},
		},
		Survey: surveyTies,
		New:    newTies,
	})
}

// tiesSurvey is what TIES knows of all tensors together.
type tiesSurvey struct {
	thresholds []float64 // of magnitude, for each task vector
	wide       bool      // how magnitudes were rounded
	majority   float64   // +1 or -1: the sign that most sums have
}

func surveyTies(t *Tensor, p Params) (any, error) {
	tasks := t.Models - 1
	s := &tiesSurvey{thresholds: make([]float64, tasks), wide: t.Wide, majority: 1}
	density := p.Each("density", tasks)
	ranks := make([][]int64, tasks)
	for m, d := range density {
		ranks[m] = []int64{min(rankAt(t.Len, share(d, t.Len)), t.Len-1)}
	}
	found, err := orderStatistics(t, 1, ranks, magnitudes)
	if err != nil {
		return nil, err
	}
	for m := range found {
		s.thresholds[m] = found[m][0]
		if share(density[m], t.Len) == 0 {
			s.thresholds[m] = math.Inf(1)
		}
	}
	trim := t.band(s.thresholds, slices.Repeat([]float64{math.Inf(1)}, tasks))
	signs, err := sum(t, 1, 1, func(total []float64, src [][]float64, _ int64) {
		fromBase(src)
		for m, tau := range src[1:] {
			trim(m, tau, 0)
		}
		for i := range src[0] {
			total[0] += sign(sumAt(src[1:], i))
		}
	})
	if err != nil {
		return nil, err
	}
	if signs[0] < 0 {
		s.majority = -1
	}
	return s, nil
}

func sumAt(v [][]float64, i int) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x[i]
	}
	return sum
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

func newTies(t *Tensor, p Params) (Mixer, error) {
	lambda := p.Number("lambda")
	if lambda == 0 {
		return copyOf(0), nil
	}
	s := t.Survey.(*tiesSurvey)
	as := &Tensor{Wide: s.wide}
	trim := as.band(s.thresholds, slices.Repeat([]float64{math.Inf(1)}, t.Models-1))
	ones := slices.Repeat([]float64{1}, t.Models-1)
	how := p.Choice("merge")
	return blocks(func(dst []float64, src [][]float64, _ int64) {
		fromBase(src)
		tasks := src[1:]
		for m, tau := range tasks {
			trim(m, tau, 0)
		}
		if how == "max" {
			largest(dst, tasks, s.majority)
		} else {
			agreeing(dst, tasks, ones, s.majority, how == "mean")
		}
		for i, b := range src[0][:len(dst)] {
			dst[i] = b + float64(lambda*dst[i])
		}
	})
}

// largest sets dst to the number of the largest magnitude among those that agree with the
// sign of their sum.
func largest(dst []float64, tasks [][]float64, ifZero float64) {
	for i := range dst {
		all := sumAt(tasks, i)
		elected := sign(all)
		if elected == 0 {
			elected = ifZero
		}
		dst[i] = all - all // 0, and NaN where there is one
		for _, tau := range tasks {
			if v := tau[i] * elected; v > math.Abs(dst[i]) {
				dst[i] = tau[i]
			}
		}
	}
}
