package mapping

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// array is an array in memory: elements of one floating-point type in row-major order.
type array struct {
	dtype onnx.DType
	dims  []int64
	data  []byte
}

// newArray returns an array of zeros.
func newArray(dtype onnx.DType, dims []int64) array {
	return array{dtype, dims, make([]byte, length(dims)*int64(storedAs(dtype).Bits()/8))}
}

// blockElements is how many elements are converted at a time.
const blockElements = 1 << 15

// itemBytes returns the size of an element.
func (a array) itemBytes() int { return storedAs(a.dtype).Bits() / 8 }

// length returns the number of elements.
func length(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// isSupported reports whether elements of d can be rearranged one by one.
func isSupported(d onnx.DType) bool { return d.IsFloat() && d.Bits() >= 8 }

// source is a tensor of a model or of a checkpoint.
type source interface {
	ReadAt(dst []byte, off int64) error
	SizeBytes() int64
	Len() int64
}

// readTensor returns the elements of a tensor of a checkpoint, converted.
func readTensor(t *checkpoint.Tensor, to onnx.DType) (array, error) {
	return read(t, t.DType, t.Dims, to)
}

// read returns the elements of a tensor, converted.
func read(t source, from onnx.DType, dims []int64, to onnx.DType) (array, error) {
	a := newArray(to, dims)
	if from == to {
		return a, t.ReadAt(a.data, 0)
	}
	at := 0
	err := eachBlock(t, from, func(block []byte) error {
		converted, err := convert(block, from, to)
		at += copy(a.data[at:], converted)
		return err
	})
	return a, err
}

// eachBlock calls f with the payload's bytes, some elements at a time.
func eachBlock(t source, dtype onnx.DType, f func(block []byte) error) error {
	item := int64(dtype.Bits() / 8)
	block := make([]byte, min(t.SizeBytes(), blockElements*item))
	for off := int64(0); off < t.SizeBytes(); off += int64(len(block)) {
		part := block[:min(int64(len(block)), t.SizeBytes()-off)]
		if err := t.ReadAt(part, off); err != nil {
			return err
		}
		if err := f(part); err != nil {
			return err
		}
	}
	return nil
}

// convert returns elements in another type, rounded once.
func convert(raw []byte, from, to onnx.DType) ([]byte, error) {
	if from == to {
		return raw, nil
	}
	out := make([]byte, len(raw)/(storedAs(from).Bits()/8)*(storedAs(to).Bits()/8))
	return out, convertTo(out, raw, from, to)
}

// convertTo is convert into memory of the result's size.
func convertTo(dst, raw []byte, from, to onnx.DType) error {
	a, ok1 := storedAs(from).Codec()
	b, ok2 := storedAs(to).Codec()
	if !ok1 || !ok2 {
		return fmt.Errorf("%s cannot be converted to %s", from, to)
	}
	values := make([]float64, min(len(raw)/(a.Bits/8), blockElements))
	for len(raw) > 0 {
		part := values[:min(len(values), len(raw)/(a.Bits/8))]
		a.Decode(part, raw)
		bound(part, to)
		b.Encode(dst, part)
		raw, dst = raw[len(part)*a.Bits/8:], dst[len(part)*b.Bits/8:]
	}
	return nil
}

// numbers returns the elements as float64.
func (a array) numbers() []float64 {
	codec, _ := storedAs(a.dtype).Codec()
	values := make([]float64, length(a.dims))
	codec.Decode(values, a.data)
	return values
}

// fromNumbers returns an array of float64.
func fromNumbers(values []float64, dims []int64) array {
	codec, _ := onnx.Float64.Codec()
	a := array{onnx.Float64, dims, make([]byte, 8*len(values))}
	codec.Encode(a.data, values)
	return a
}

// reshape returns the array with other extents of the same product.
func (a array) reshape(dims []int64) (array, error) {
	if length(dims) != length(a.dims) {
		return array{}, fmt.Errorf("an array of shape %v cannot have the shape %v", a.dims, dims)
	}
	return array{a.dtype, dims, a.data}, nil
}

func permuted[T any](list []T, perm []int) []T {
	out := make([]T, len(perm))
	for i, p := range perm {
		out[i] = list[p]
	}
	return out
}

// stridesOf returns the distance of neighbours along each axis, in elements.
func stridesOf(dims []int64) []int64 {
	strides := make([]int64, len(dims))
	n := int64(1)
	for i, d := range slices.Backward(dims) {
		strides[i] = n
		n *= d
	}
	return strides
}

// walk passes over the elements of an array in row-major order and has the offset of each in another one.
type walk struct {
	dims, strides, index []int64
	off                  int64
}

func newWalk(dims, strides []int64) *walk {
	return &walk{dims: dims, strides: strides, index: make([]int64, len(dims))}
}

func (w *walk) next() {
	for i := len(w.dims) - 1; i >= 0; i-- {
		w.index[i]++
		w.off += w.strides[i]
		if w.index[i] < w.dims[i] {
			return
		}
		w.off -= w.index[i] * w.strides[i]
		w.index[i] = 0
	}
}

// slice returns the rows from start to end of an axis.
func (a array) slice(axis int, start, end int64) (array, error) {
	dims, err := slicedDims(a.dims, axis, start, end)
	if err != nil {
		return array{}, err
	}
	inner := int(length(a.dims[axis+1:])) * a.itemBytes()
	row := int(a.dims[axis]) * inner
	out := array{a.dtype, dims, make([]byte, 0, int(length(dims))*a.itemBytes())}
	for o := range int(length(a.dims[:axis])) {
		out.data = append(out.data, a.data[o*row+int(start)*inner:o*row+int(end)*inner]...)
	}
	return out, nil
}

// slicedDims returns the extents of the rows from start to end of an axis.
func slicedDims(dims []int64, axis int, start, end int64) ([]int64, error) {
	if axis >= len(dims) || start < 0 || end > dims[axis] || start > end {
		return nil, fmt.Errorf("an array of shape %v has no rows %d to %d of axis %d", dims, start, end, axis)
	}
	dims = slices.Clone(dims)
	dims[axis] = end - start
	return dims, nil
}

// joinedDims returns the extents of arrays joined along an axis.
func joinedDims(axis int, parts [][]int64) ([]int64, error) {
	dims := slices.Clone(parts[0])
	if axis >= len(dims) {
		return nil, fmt.Errorf("arrays of shape %v have no axis %d", dims, axis)
	}
	dims[axis] = 0
	for _, p := range parts {
		if len(p) != len(dims) || !slices.Equal(p[:axis], dims[:axis]) || !slices.Equal(p[axis+1:], dims[axis+1:]) {
			return nil, fmt.Errorf("arrays of shapes %v and %v cannot be joined along axis %d", parts[0], p, axis)
		}
		dims[axis] += p[axis]
	}
	return dims, nil
}
