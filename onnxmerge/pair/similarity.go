package pair

import (
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Likeness compares samples of two weights of equal size; a is read with its axes permuted by perm, as in [Pair]. It
// returns the result of [Cosine]. ok is false if the elements are not numbers or too few.
type Likeness func(a, b *onnx.Tensor, perm []int) (cosine float64, ok bool, err error)

// minCompared is the least number of elements that [Cosine] compares.
const minCompared = 4

// Cosine returns the cosine of the angle between two weights, or between the same elements sampled from both.
//
// For vectors it subtracts the means first, which gives Pearson's correlation: scales of normalisations are all near 1,
// and their plain cosine is near 1 for unrelated models. It is 1 for equal elements. ok is false if they differ and
// either has no direction (a constant vector, zeros), for fewer than four elements, and for elements that are not
// finite.
func Cosine(a, b []float64, isVector bool) (cosine float64, ok bool) {
	if len(a) < minCompared {
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
		return 0, false
	}
	return ab / math.Sqrt(aa*bb), true
}

// tiny is the variance relative to the squared mean that rounding can leave in a constant vector.
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
