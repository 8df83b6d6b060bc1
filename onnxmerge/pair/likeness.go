package pair

import (
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Likeness compares what is sampled of two weights of equal size, a read with its axes in
// the order of perm as in [Pair]. ok is false where they cannot be read as numbers, or say
// nothing; see [Cosine], which makes the result.
type Likeness func(a, b *onnx.Tensor, perm []int) (cosine float64, ok bool, err error)

// minLikeness is the least number of elements that say anything.
const minLikeness = 4

// Cosine returns the cosine of the angle between two weights, or of the same elements
// sampled from both. Of vectors, which are often all near 1 or all positive, it is that of
// what is left without their means: Pearson's correlation. Where one of them is constant and
// so has no direction, it is 1 if they are equal and else 0. ok is false for fewer than four
// elements, and where they are no finite numbers.
func Cosine(a, b []float64, isVector bool) (cosine float64, ok bool) {
	if len(a) < minLikeness {
		return 0, false
	}
	meanA, meanB := 0.0, 0.0
	if isVector {
		meanA, meanB = mean(a), mean(b)
	}
	var ab, aa, bb, d float64
	for i, x := range a {
		y := b[i]
		d += math.Abs(x - y)
		x, y = x-meanA, y-meanB
		ab += x * y
		aa += x * x
		bb += y * y
	}
	switch {
	case math.IsNaN(d) || math.IsInf(aa+bb, 0):
		return 0, false
	case d == 0:
		return 1, true
	case aa <= tiny*meanA*meanA*float64(len(a)) || bb <= tiny*meanB*meanB*float64(len(a)):
		return 0, true
	}
	return ab / math.Sqrt(aa*bb), true
}

// tiny is the variance, relative to the mean, that rounding leaves of a constant.
const tiny = 1e-14

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// IsVector reports whether at most one axis has more than one element.
func IsVector(dims []int64) bool {
	long := 0
	for _, d := range dims {
		if d != 1 {
			long++
		}
	}
	return long <= 1
}
