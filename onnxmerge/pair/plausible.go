package pair

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Training changes short weights, such as scales of normalisations, biases and running statistics, so much that the
// correlation with what they were is often 0: the median over the vectors of one real pair is .43. A low one therefore
// is no evidence against a pair. What is: values that the place of the tensor excludes.

// part is what a vector does.
type part int

const (
	otherPart part = iota
	shiftPart      // a bias, or a mean that is subtracted
	scalePart
	variancePart
)

// part returns what the vector does in the operator.
func (u *use) part() part {
	switch {
	case u.op.name == batchNorm:
		return map[int]part{1: scalePart, 2: shiftPart, 3: shiftPart, 4: variancePart}[u.role]
	case u.op.name == "Mul" && IsVector(u.shape):
		return scalePart
	case u.isBias():
		return shiftPart
	}
	return otherPart
}

// contradicts reports whether the values of a vector pair say that they are not one weight: a variance is negative on
// one side, a shift is 1 throughout, the fine-tuned one is constant and the pre-trained one is not, or scales and
// shifts are further apart than four times their standard deviations, as a scale near 1 is from a bias near 0.
func (c candidate) contradicts() bool {
	part := c.b.part()
	if part == otherPart || !IsVector(c.b.shape) {
		return false
	}
	x, okX := vectorValues(c.a.tensor)
	y, okY := vectorValues(c.b.tensor)
	if !okX || !okY {
		return false
	}
	for _, values := range [][]float64{x, y} {
		if part == variancePart && slices.Min(values) < 0 ||
			part == shiftPart && values[0] == 1 && slices.Min(values) == 1 && slices.Max(values) == 1 {
			return true
		}
	}
	if isConstant(y) && !isConstant(x) {
		return true // training leaves no constant
	}
	if part == variancePart || c.b.op.name == batchNorm && c.b.role == 3 {
		return false // running statistics are those of other data
	}
	if len(x) < minMoments {
		return false
	}
	meanX, deviationX := moments(x)
	meanY, deviationY := moments(y)
	return deviationX > 0 && deviationY > 0 && math.Abs(meanX-meanY) > 4*(deviationX+deviationY)
}

// isInitial reports whether the pre-trained vector has the constant from which training begins: 0 for shifts, 1 or 0
// for scales, 1 for variances. An exporter that joins scale and variance writes 1/sqrt(1 + epsilon) for a scale of 1;
// epsilon is 1e-3 in Keras, and less elsewhere.
func (c candidate) isInitial() bool {
	x, ok := vectorValues(c.a.tensor)
	if !ok || !isConstant(x) {
		return false
	}
	switch c.b.part() {
	case shiftPart:
		return x[0] == 0
	case scalePart:
		return x[0] == 0 || x[0] >= 0.999 && x[0] <= 1
	case variancePart:
		return x[0] == 1
	}
	return false
}

// isUnchanged reports whether both vectors have the same elements, which are not all equal: of a layer that training did
// not change. Vectors that are too short for a cosine have this evidence alone.
func (c candidate) isUnchanged() bool {
	x, ok := vectorValues(c.b.tensor)
	return ok && !isConstant(x) && c.perm == nil && areEqual([]*onnx.Tensor{c.a.tensor, c.b.tensor}, longAxes)
}

// minMoments is the number of elements from which a standard deviation says something: that of 4 normal numbers is wrong by
// 40 %, that of 2, as one temperature for each of two heads has, by 70 %.
const minMoments = 4

func isConstant(x []float64) bool { return slices.Min(x) == slices.Max(x) }

// moments returns the mean and the standard deviation.
func moments(x []float64) (m, deviation float64) {
	m = mean(x)
	for _, v := range x {
		deviation += (v - m) * (v - m)
	}
	return m, math.Sqrt(deviation / float64(len(x)))
}

// maxNumbers bounds the vectors that are read whole.
const maxNumbers = 64 << 10

// vectorValues reads a vector; ok is false if its elements are not numbers, or if it is empty or longer than
// maxNumbers.
func vectorValues(t *onnx.Tensor) (values []float64, ok bool) {
	codec, ok := t.DType.Codec()
	if !ok || codec.Bits < 8 || !t.Readable() || t.Len() < 1 || t.Len() > maxNumbers {
		return nil, false
	}
	values, err := t.Numbers()
	return values, err == nil
}
