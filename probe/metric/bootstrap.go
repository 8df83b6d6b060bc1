package metric

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Bootstrap returns the interval of a figure over resamples of n samples, drawn with replacement (Efron, Bootstrap
// methods: another look at the jackknife, 1979), by [ExpandedPercentiles]. figure gets the indices drawn, and must
// not keep them. Resamples whose figure is NaN are left out. The result depends on the arguments alone.
//
// The difference of two models on the same samples is a figure, too: computed from the same indices, it is a paired
// bootstrap. Where samples are not independent, such as a cloud under all its corruptions, n counts the clouds. For a
// mean over samples, [MeanInterval] and [ShareInterval] have better coverage and need no draws.
func Bootstrap(n, resamples int, level float64, seed uint64, figure func(idx []int) float64) Interval {
	figures := make([]float64, 0, resamples)
	resample(n, resamples, seed, func(idx []int) { figures = append(figures, figure(idx)) })
	return ExpandedPercentiles(figures, level, n)
}

// resample calls use with n indices below n, resamples times. The draws depend on n and seed alone.
func resample(n, resamples int, seed uint64, use func(idx []int)) {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	idx := make([]int, n)
	for range resamples {
		for i := range idx {
			idx[i] = r.IntN(n)
		}
		use(idx)
	}
}

// ExpandedPercentiles returns the percentile interval of the figures of resamples of n samples, with tails corrected
// for the spread that resamples lack (Hesterberg, What teachers should know about the bootstrap, 2015, section 3.3):
// their variance is (n-1)/n of the true one, and the variance itself is estimated, so that the tail probabilities are
//
//	normalCDF(-sqrt(n/(n-1)) t)   with t the quantile of Student's t, n-1 degrees of freedom
//
// instead of (1-level)/2. For n = 100 that is 2.31 % instead of 2.5 %.
func ExpandedPercentiles(figures []float64, level float64, n int) Interval {
	if n < 2 {
		return middle(figures, (1-level)/2)
	}
	t := studentQuantile((1+level)/2, float64(n-1))
	return middle(figures, normalCDF(-t*math.Sqrt(float64(n)/float64(n-1))))
}

// middle returns the interval between the quantiles tail and 1 - tail. NaN is left out; without figures the interval
// is NaN.
func middle(figures []float64, tail float64) Interval {
	figures = slices.DeleteFunc(slices.Clone(figures), math.IsNaN)
	if len(figures) == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	slices.Sort(figures)
	last := float64(len(figures) - 1)
	return Interval{figures[int(math.Round(tail*last))], figures[int(math.Round((1-tail)*last))]}
}

// studentQuantile returns the quantile of Student's t by the expansion in the degrees of
// freedom df of Fisher and Cornish (The percentile points of distributions having known
// cumulants, 1960, as in Abramowitz and Stegun 26.7.5). It is within 1e-3 from df = 5 and
// within 1e-6 from df = 30, for probabilities from .01 to .99.
func studentQuantile(p, df float64) float64 {
	z := normalQuantile(p)
	z2 := z * z
	return z + z*(z2+1)/(4*df) +
		z*((5*z2+16)*z2+3)/(96*df*df) +
		z*(((3*z2+19)*z2+17)*z2-15)/(384*df*df*df) +
		z*((((79*z2+776)*z2+1482)*z2-1920)*z2-945)/(92160*df*df*df*df)
}
