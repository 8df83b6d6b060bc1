package metric

import "math"

// Barrier is the largest fall of accuracy on the path between two models below the straight line between their
// accuracies (linear mode connectivity; Frankle et al., Linear mode connectivity and the lottery ticket hypothesis,
// 2020), at least 0.
type Barrier struct {
	Fall     float64
	At       int // index of the point with the largest fall; -1 if no point is below the line
	Interval Interval
}

// ConnectedFall is the fall up to which two models count as connected: Frankle et al. take 2 % for noise.
const ConnectedFall = 0.02

// PathBarrier returns the barrier of a path from the answers of its points to the same samples. alphas rise from 0 to 1
// and have both.
//
// With d = (1-alpha) first + alpha last - point, the fall at a point is the mean of d over the samples. The interval
// is simultaneous for the K points between the ends: with c the normal quantile of (1 - (1-level)/2K) (Bonferroni),
//
//	low  = max(0, max over points of (mean d - c deviation))
//	high = max(0, max over points of (mean d + c deviation))
//
// which holds the largest fall whenever every single interval holds its fall, also if that is 0. A bootstrap of the
// maximum does not: the maximum of noisy falls is too large, and where the true barrier is 0 its interval covers about
// half of the time. One sample with a fall of 1 is added to the variance, which would be 0 for points that agree.
// TestBarrierCoverage simulates the coverage.
func PathBarrier(alphas []float64, right [][]bool, level float64) Barrier {
	last, b := len(right)-1, Barrier{At: -1}
	c := normalQuantile(1 - (1-level)/(2*float64(max(1, last-1))))
	for k := 1; k < last; k++ {
		mean, deviation := fall(alphas[k], right[0], right[last], right[k])
		if mean > b.Fall {
			b.Fall, b.At = mean, k
		}
		b.Interval.Low = max(b.Interval.Low, mean-c*deviation)
		b.Interval.High = max(b.Interval.High, min(1, mean+c*deviation))
	}
	return b
}

// fall returns the mean fall at a point of a path, and its standard error.
func fall(alpha float64, first, last, point []bool) (mean, deviation float64) {
	n, sum, squares := float64(len(point)), 0.0, 1.0
	for i := range point {
		d := (1-alpha)*one(first[i]) + alpha*one(last[i]) - one(point[i])
		sum, squares = sum+d, squares+d*d
	}
	mean = sum / n
	return mean, math.Sqrt((squares/(n+1) - mean*mean*n/(n+1)) / n)
}

func one(right bool) float64 {
	if right {
		return 1
	}
	return 0
}
