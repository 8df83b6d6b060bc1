package metric

import "math"

// Interval is a confidence interval.
type Interval struct{ Low, High float64 }

// AccuracyInterval returns the interval of an accuracy of which right of n samples are
// known: Wilson's score interval (Probable inference, the law of succession, and
// statistical inference, 1927),
//
//	(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
//
// Over accuracies from .6 to .98 its coverage at level .95 is .950 to .951 on average for n from 100 to
// 2,468; at single accuracies it is .928 to .977 for n = 100 and .945 to .955 for 2,468,
// because a count has steps. A bootstrap of 100 samples falls to .80, and Clopper and Pearson's
// interval holds .964. Of nothing the interval is NaN.
func AccuracyInterval(right, n int, level float64) Interval {
	checkCounts(n, right, 0)
	return wilson(float64(right)/float64(n), float64(n), normalQuantile((1+level)/2))
}

// wilson returns Wilson's interval of the share p of n answers.
func wilson(p, n, z float64) Interval {
	mid := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	return Interval{max(0, (mid-half)/scale), min(1, (mid+half)/scale)}
}

// AccuracyDifference returns the interval of the difference in accuracy between two
// models, a - b, on the same n samples, of which a alone has onlyA right and b alone
// onlyB: Tango's score interval (Equivalence test and confidence interval for the
// difference in proportions for the paired-sample design, 1998). It holds the differences d whose score
//
//	(onlyA - onlyB - n d) / sqrt(n (2q + d (1 - d)))
//
// lies within the normal quantiles, with q the likeliest share of samples that b alone has
// right if the difference is d (equation 9). Of nothing the interval is NaN.
//
// Simulated coverage at level .95 is .944 to .957 from 10 samples on which the models differ; with
// fewer it is conservative, up to .99 with 2 of 100.
func AccuracyDifference(onlyA, onlyB, n int, level float64) Interval {
	checkCounts(n, onlyA, onlyB)
	if n == 0 {
		return Interval{math.NaN(), math.NaN()}
	}
	z, seen := normalQuantile((1+level)/2), float64(onlyA-onlyB)/float64(n)
	// The score falls as d grows; 60 halvings of an interval of at most 2 leave 2e-18.
	solve := func(low, high, target float64) float64 {
		for range 60 {
			mid := (low + high) / 2
			if pairedScore(float64(onlyA), float64(onlyB), float64(n), mid) > target {
				low = mid
			} else {
				high = mid
			}
		}
		return (low + high) / 2
	}
	return Interval{solve(-1, seen, z), solve(seen, 1, -z)}
}

func pairedScore(onlyA, onlyB, n, d float64) float64 {
	b := (2*n-onlyA+onlyB)*d - onlyA - onlyB
	q := (math.Sqrt(max(0, b*b+8*n*onlyB*d*(1-d))) - b) / (4 * n)
	deviation := math.Sqrt(max(0, n*(2*q+d*(1-d))))
	excess := onlyA - onlyB - n*d
	if deviation == 0 {
		if excess == 0 {
			return 0
		}
		return math.Copysign(math.Inf(1), excess)
	}
	return excess / deviation
}

// normalQuantile returns the value that a standard normal variable stays below with
// probability p.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// normalCDF returns the probability that a standard normal variable stays below z.
func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

func checkCounts(n, a, b int) {
	if a < 0 || b < 0 || a+b > n {
		panic("metric: counts that n samples cannot have")
	}
}
