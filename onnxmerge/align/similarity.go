package align

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// term is a weight that enters the objective: the sum of products of the reference's elements and the model's,
// permuted.
type term struct {
	tensor    *onnx.Tensor
	reference []float32
	own       []float32
	axes      [][]unitsOf // of each axis, the groups whose units it has
	moved     []float32   // own in the order of the current permutations; nil if they have changed
}

// unitsOf is a group with the layout of its units on an axis.
type unitsOf struct {
	group int
	at    Layout
}

// newTerm reads a weight and its counterpart.
func newTerm(t, reference *onnx.Tensor) (*term, error) {
	own, err := finite(t)
	if err != nil {
		return nil, err
	}
	other, err := finite(reference)
	if err != nil {
		return nil, err
	}
	return &term{tensor: t, reference: other, own: own, axes: make([][]unitsOf, len(t.Dims))}, nil
}

// finite returns the elements of a tensor in single precision.
func finite(t *onnx.Tensor) ([]float32, error) {
	if _, ok := t.DType.Codec(); !ok {
		return nil, fault.Mismatchf("tensor %q: elements of type %s cannot be compared", t.ID(), t.DType)
	}
	values, err := t.Numbers()
	if err != nil {
		return nil, err
	}
	list := make([]float32, len(values))
	for i, v := range values {
		if list[i] = float32(v); math.IsNaN(v) || math.IsInf(float64(list[i]), 0) {
			return nil, fault.Mismatchf("tensor %q: element %d is %g, and units are compared by finite weights", t.ID(), i, v)
		}
	}
	return list, nil
}

// maps returns the index map of each axis under permutations, without the one of an axis' units (axis -1 leaves none
// out).
func (x *term) maps(p Permutations, axis, group int) [][]int {
	list := make([][]int, len(x.axes))
	for a, units := range x.axes {
		for _, u := range units {
			if p[u.group] != nil && (a != axis || u.group != group) {
				list[a] = u.at.apply(p[u.group], list[a], int(x.tensor.Dims[a]))
			}
		}
	}
	return list
}

// permuted returns the model's elements under index maps.
func (x *term) permuted(maps [][]int) []float32 {
	size := 1
	for k := len(maps) - 1; k >= 0 && maps[k] == nil; k-- {
		size *= int(x.tensor.Dims[k])
		maps = maps[:k]
	}
	if len(maps) == 0 {
		return x.own
	}
	dst := make([]float32, len(x.own))
	x.copy(dst, maps, 0, 0, size)
	return dst
}

// copy fills dst with runs of size elements, from an axis on; base is the index of the first. It returns the rest of
// dst.
func (x *term) copy(dst []float32, maps [][]int, axis, base, size int) []float32 {
	if axis == len(maps) {
		copy(dst[:size], x.own[base*size:])
		return dst[size:]
	}
	n := int(x.tensor.Dims[axis])
	for i := range n {
		from := i
		if maps[axis] != nil {
			from = maps[axis][i]
		}
		dst = x.copy(dst, maps, axis+1, base*n+from, size)
	}
	return dst
}

// product returns the term of the objective, and the norms of both sides.
func (x *term) product(p Permutations) float64 {
	if x.moved == nil {
		x.moved = x.permuted(x.maps(p, -1, -1))
	}
	sum := 0.
	for i, r := range x.reference {
		sum += float64(r) * float64(x.moved[i])
	}
	return sum
}

// rows says which elements of an axis belong to a unit: those at first[unit] + place, for each place.
type rows struct{ first, places []int }

// unitRows returns the rows of the units of a layout.
func unitRows(at Layout, n int) rows {
	r := rows{places: at.places()}
	offset := r.places[0]
	for i := range r.places {
		r.places[i] -= offset
	}
	for u := range n {
		r.first = append(r.first, offset+u*at.Stride)
	}
	return r
}

// columns is how many columns of a product are converted at once.
const columns = 512

// products adds the products of the reference's rows with the model's: gain[i*n+j] += sum of reference(i) * own(j). own
// has all permutations but that of the rows.
func (x *term) products(gain []float64, axis int, r rows, own []float32) {
	outer, inner := 1, 1
	for _, d := range x.tensor.Dims[:axis] {
		outer *= int(d)
	}
	for _, d := range x.tensor.Dims[axis+1:] {
		inner *= int(d)
	}
	n, length := len(r.first), int(x.tensor.Dims[axis])
	b := &block{n: n, gain: gain, a: make([]float64, n*columns), b: make([]float64, n*columns)}
	for o := range outer {
		for _, place := range r.places {
			for k := 0; k < inner; {
				take := min(inner-k, columns-b.used)
				for i, first := range r.first {
					at := (o*length+first+place)*inner + k
					to := i*columns + b.used
					convert(b.a[to:to+take], x.reference[at:])
					convert(b.b[to:to+take], own[at:])
				}
				k += take
				if b.used += take; b.used == columns {
					b.multiply()
				}
			}
		}
	}
	b.multiply()
}

func convert(dst []float64, src []float32) {
	for i := range dst {
		dst[i] = float64(src[i])
	}
}

// block is a part of two matrices of n rows.
type block struct {
	n, used    int // used columns
	a, b, gain []float64
}

// multiply adds a b^T to the gain.
func (b *block) multiply() {
	if b.used > 0 && b.n > 0 {
		a := blas64.General{Rows: b.n, Cols: b.used, Stride: columns, Data: b.a}
		c := blas64.General{Rows: b.n, Cols: b.used, Stride: columns, Data: b.b}
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, a, c, 1, blas64.General{Rows: b.n, Cols: b.n, Stride: b.n, Data: b.gain})
	}
	b.used = 0
}
