package wiseft

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe"
)

// Tolerances of a proof: the largest difference of two equal values, relative to the root mean square of the value.
//
// float32: sums of n products round to about sqrt(n) * 6e-8, and a network of a hundred layers adds up to 1e-5 to
// 1e-4. Measured over the 1,213 pairs of the corpus that are proved, between different exporters: 7e-7 of the largest
// magnitude at most; published models have 0 between equal exports. Training changes features by 1e-2 and more.
//
// float16 and bfloat16: weights and activations round to 5e-4 and 4e-3 each; measured on a published model in float16
// against float32: 1e-3 of the largest magnitude. The tolerance is 100 roundings.
const (
	toleranceFloat32  = 1e-3
	toleranceFloat16  = 5e-2
	toleranceBFloat16 = 0.4
)

// tolerance returns the tolerance of the coarsest type that a swapped weight has in one of the models.
func (p *prover) tolerance() float64 {
	tolerance := toleranceFloat32
	for _, m := range []*onnx.Model{p.swap.Model, p.swap.Graph} {
		for _, t := range m.Tensors {
			switch t.DType {
			case onnx.Float16:
				tolerance = max(tolerance, toleranceFloat16)
			case onnx.BFloat16:
				tolerance = max(tolerance, toleranceBFloat16)
			}
		}
	}
	return tolerance
}

// verdict is the outcome of one comparison.
type verdict int

const (
	incomparable verdict = iota // other shapes, or nothing that a weight could change
	equal
	unequal
)

// difference is how far two values are apart.
type difference struct {
	verdict verdict
	largest float64 // difference, over the samples that agree, if most do
	scale   float64 // largest magnitude in the other model
	agree   float64 // share of the samples
	refusal string  // why onnxruntime does not compute the value
}

func (d difference) relative() float64 {
	if d.scale == 0 {
		return 0
	}
	return d.largest / d.scale
}

// pairedValues are a value of both models, draw by draw.
type pairedValues [2][]probe.Batch

// comparison is how values are compared.
type comparison struct {
	tolerance float64
	selective bool // single samples may differ
	samples   int  // of a draw
}

// compare compares a value of both models over all draws.
func (c comparison) compare(v pairedValues) difference {
	d := difference{verdict: equal, agree: 1}
	agree, samples := 0, 0
	for draw := range v[0] {
		a, b := v[0][draw], v[1][draw]
		x, sameShape := aligned(a, b)
		if x == nil {
			return difference{}
		}
		rms, scale := magnitude(a.X)
		if !(rms > 0) || isConstant(a.X) {
			return difference{}
		}
		d.scale = max(d.scale, scale)
		parts := 1
		if n := c.samples; len(a.Shape) > 0 && n > 1 && a.Shape[0]%int64(n) == 0 {
			parts = n
		}
		size := len(a.X) / parts
		for i := range parts {
			worst := largestDifference(a.X[i*size:(i+1)*size], x[i*size:(i+1)*size])
			samples++
			if worst <= c.tolerance*rms {
				agree++
				d.largest = max(d.largest, worst)
			} else if !sameShape {
				return difference{} // another order of the elements
			}
		}
	}
	d.agree = float64(agree) / float64(samples)
	if agree == samples || c.selective && 2*agree > samples {
		return d
	}
	d.verdict, d.agree, d.largest = unequal, 1, 0
	for draw := range v[0] {
		x, _ := aligned(v[0][draw], v[1][draw])
		d.largest = max(d.largest, largestDifference(v[0][draw].X, x))
	}
	return d
}

// aligned returns the elements of b in the order of a. sameShape is false if their shapes differ otherwise than by axes
// of length 1: axes are then permuted so that the elements agree best. It returns nil if they cannot be compared.
func aligned(a, b probe.Batch) (x []float32, sameShape bool) {
	if len(a.X) != len(b.X) || len(a.X) == 0 {
		return nil, false
	}
	isOne := func(d int64) bool { return d == 1 }
	if slices.Equal(slices.DeleteFunc(slices.Clone(a.Shape), isOne), slices.DeleteFunc(slices.Clone(b.Shape), isOne)) {
		return b.X, true
	}
	best := largestDifference(a.X, b.X)
	x = b.X
	for _, perm := range permutations(len(b.Shape)) {
		if len(a.Shape) != len(b.Shape) || !fits(a.Shape, b.Shape, perm) {
			continue
		}
		candidate := permuted(b, perm)
		if d := largestDifference(a.X, candidate); d < best {
			best, x = d, candidate
		}
	}
	return x, false
}

func fits(a, b []int64, perm []int) bool {
	for i, axis := range perm {
		if a[i] != b[axis] {
			return false
		}
	}
	return true
}

// maxAxes bounds the axes whose permutations are tried.
const maxAxes = 5

// permutations returns all orders of n axes.
func permutations(n int) (list [][]int) {
	if n > maxAxes {
		return nil
	}
	if n == 0 {
		return [][]int{{}}
	}
	for _, p := range permutations(n - 1) {
		for at := range n {
			list = append(list, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return list
}

// permuted returns the elements of b with axis perm[i] in place i.
func permuted(b probe.Batch, perm []int) []float32 {
	stride := make([]int, len(b.Shape))
	n := 1
	for i := len(b.Shape) - 1; i >= 0; i-- {
		stride[i] = n
		n *= int(b.Shape[i])
	}
	out := make([]float32, len(b.X))
	index := make([]int, len(perm))
	for k := range out {
		off := 0
		for i, axis := range perm {
			off += index[i] * stride[axis]
		}
		out[k] = b.X[off]
		for i := len(perm) - 1; i >= 0; i-- {
			if index[i]++; index[i] < int(b.Shape[perm[i]]) {
				break
			}
			index[i] = 0
		}
	}
	return out
}

// largestDifference returns the largest difference of two lists. Two NaN, or two equal infinities, do not differ.
func largestDifference(a, b []float32) float64 {
	largest := 0.0
	for i, x := range a {
		d := math.Abs(float64(x) - float64(b[i]))
		switch {
		case x == b[i] || x != x && b[i] != b[i]:
		case !(d <= math.MaxFloat32):
			return math.MaxFloat32
		default:
			largest = max(largest, d)
		}
	}
	return largest
}

// magnitude returns the root mean square and the largest magnitude of the finite elements.
func magnitude(x []float32) (rms, largest float64) {
	sum, n := 0.0, 0
	for _, v := range x {
		if m := math.Abs(float64(v)); m <= math.MaxFloat32 {
			sum, n, largest = sum+m*m, n+1, max(largest, m)
		}
	}
	if n == 0 {
		return 0, 0
	}
	return math.Sqrt(sum / float64(n)), largest
}

// isConstant reports whether all elements are the same, which other weights may give, too.
func isConstant(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v != x[0] })
}
