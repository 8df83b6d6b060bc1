package method

import (
	"math"
	"slices"
)

func init() {
	Register(Method{
		Name: "ties",
		Doc: "trim every task vector as a whole, elect a sign for each element, and average the elements that agree " +
			"(TIES as published)",
		Formula: "theta = base + lambda * mean of the trimmed tau_i whose sign is that of their sum",
		Source:  "Yadav et al., TIES-Merging: resolving interference when merging models, NeurIPS 2023, algorithm 1",
		Detail: "All merged weights of a model share one threshold. Magnitudes equal to the threshold are kept, also where " +
			"there are several. If a sum is 0, its sign is the sign of the majority of all sums. ties_per_tensor is the " +
			"method that mergekit calls ties.",
		MinModels: 2,
		Base:      true,
		Class:     Passes,
		Params: []Param{
			{Name: "density", Doc: "share of the elements of a task vector that are kept", Default: 0.2, Min: 0, Max: 1,
				PerTask: true, Global: true},
			lambdaParam(),
			{Name: "merge", Doc: "how the elements that agree are combined", Kind: Choice, Default: "mean",
				Choices: []string{"mean", "sum", "max"}},
		},
		Differs: []Difference{
			{"TIES reference", "keeps int(density*n)+1 elements and those equal to the last",
				"keeps int(density*n) and those equal to the last", "density is the share that is kept"},
			{"TIES reference", "density 1 raises an exception", "keeps all", "1 is in range"},
			{"TIES reference", "if a sum is 0 and no sign has the majority, negative elements are kept",
				"positive elements are kept", "as in mergekit; the paper does not define it"},
		},
		Survey: surveyTies,
		New:    newTies,
	})
}

// tiesSurvey holds the results of TIES over all tensors together.
type tiesSurvey struct {
	thresholds []float64 // least kept magnitude, by task vector
	wide       bool      // whether magnitudes were compared as float64
	majority   float64   // +1 or -1: the sign of most sums
}

func surveyTies(t *Tensor, p Params) (any, error) {
	tasks := t.Models - 1
	s := &tiesSurvey{thresholds: make([]float64, tasks), majority: 1}
	density := p.Each("density", tasks)
	ranks := make([][]int64, tasks)
	for m, d := range density {
		ranks[m] = []int64{min(rankAt(t.Len, share(d, t.Len)), t.Len-1)}
	}
	found, err := orderStatistics(t, 1, ranks, magnitudes)
	if err != nil {
		return nil, err
	}
	s.wide = t.Wide
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

// largest sets dst to the element of the largest magnitude among those that agree in sign with their sum.
func largest(dst []float64, tasks [][]float64, ifZero float64) {
	for i := range dst {
		all := sumAt(tasks, i)
		elected := sign(all)
		if elected == 0 {
			elected = ifZero
		}
		dst[i] = all - all // 0, or NaN if there is one
		for _, tau := range tasks {
			if v := tau[i] * elected; v > math.Abs(dst[i]) {
				dst[i] = tau[i]
			}
		}
	}
}
