package metric

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a confidence interval.
type Interval struct{ Low, High float64 }

// Bootstrap returns the percentile interval of a figure over resamples of n samples, drawn
// with replacement (Efron, Bootstrap methods: another look at the jackknife, 1979): of
// resamples figures, the middle share level. figure gets the indices that were drawn, and
// must not keep them. Resamples whose figure is NaN are left out. The result depends on
// the arguments alone.
func Bootstrap(n, resamples int, level float64, seed uint64, figure func(idx []int) float64) Interval {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	idx, figures := make([]int, n), make([]float64, 0, resamples)
	for range resamples {
		for i := range idx {
			idx[i] = r.IntN(n)
		}
		figures = append(figures, figure(idx))
	}
	return Percentiles(figures, level)
}

// Percentiles returns the interval that holds the middle share level of figures. NaN is
// left out; of nothing the interval is NaN.
func Percentiles(figures []float64, level float64) Interval {
	figures = slices.DeleteFunc(slices.Clone(figures), math.IsNaN)
	if len(figures) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	slices.Sort(figures)
	at := func(q float64) float64 { return figures[int(math.Round(q*float64(len(figures)-1)))] }
	return Interval{at((1 - level) / 2), at((1 + level) / 2)}
}
