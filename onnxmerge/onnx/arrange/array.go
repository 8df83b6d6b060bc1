package arrange

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// maxElements bounds an array, and maxTotal all arrays of a model, in elements.
const (
	maxElements = 1 << 22
	maxTotal    = 1 << 25
)

// array is a value that is known when the model is read: integers, or references to stored elements of one float type.
type array struct {
	dims []int64
	v    []int64 // integers, or references
	// isInt means that v has integers; else dtype is the type of the referred elements.
	isInt bool
	dtype onnx.DType
	// moved means that the value is no longer one stored tensor with its axes in some order.
	moved bool
}

// reference returns the reference to an element of a source.
func reference(source int, element int64) int64 { return int64(source)<<40 | element }

// element is the inverse of reference.
func element(ref int64) (source int, element int64) { return int(ref >> 40), ref & (1<<40 - 1) }

// like returns an array with the kind of a and other elements.
func (a *array) like(dims, v []int64) *array {
	return &array{dims: dims, v: v, isInt: a.isInt, dtype: a.dtype, moved: a.moved}
}

// once returns one of several equal parts along the first axis, as a class token that is repeated for each sample of a
// batch has them; a itself if they differ.
func (a *array) once() *array {
	if len(a.dims) < 3 || a.dims[0] < 2 {
		return a
	}
	size := int64(len(a.v)) / a.dims[0]
	for i, v := range a.v {
		if v != a.v[int64(i)%size] {
			return a
		}
	}
	return a.first()
}

// first returns the first part along the first axis.
func (a *array) first() *array {
	return a.like(slices.Concat([]int64{1}, a.dims[1:]), a.v[:int64(len(a.v))/a.dims[0]])
}

// rearranged marks the array as no longer one stored tensor.
func (a *array) rearranged() *array {
	a.moved = true
	return a
}

// count returns the number of elements of a shape; ok is false beyond the limit or for negative lengths.
func count(dims []int64) (n int64, ok bool) {
	n = 1
	for _, d := range dims {
		if d < 0 || d > maxElements {
			return 0, false
		}
		if n *= d; n > maxElements {
			return 0, false
		}
	}
	return n, true
}

// strides returns the distances of neighbours along each axis.
func strides(dims []int64) []int64 {
	s := make([]int64, len(dims))
	n := int64(1)
	for i := len(dims) - 1; i >= 0; i-- {
		s[i], n = n, n*dims[i]
	}
	return s
}

// gather returns the array of a shape whose element at each position is v[start + sum of position times step]; nil
// beyond the limit.
func (a *array) gather(dims, step []int64, start int64) *array {
	n, ok := count(dims)
	if !ok {
		return nil
	}
	out := make([]int64, 0, n)
	at := make([]int64, len(dims))
	for off := start; int64(len(out)) < n; {
		out = append(out, a.v[off])
		for i := len(dims) - 1; i >= 0; i-- {
			at[i]++
			if off += step[i]; at[i] < dims[i] {
				break
			}
			off -= step[i] * dims[i]
			at[i] = 0
		}
	}
	return a.like(slices.Clone(dims), out)
}

// reshaped returns the elements under other dimensions; nil if their number differs.
func (a *array) reshaped(dims []int64) *array {
	if n, ok := count(dims); !ok || n != int64(len(a.v)) {
		return nil
	}
	return a.like(dims, a.v)
}

// shaped is reshaped; nil for no shape.
func (a *array) shaped(dims []int64) *array {
	if dims == nil {
		return nil
	}
	return a.reshaped(dims)
}

// transposed returns the array with axis perm[i] as axis i; an empty perm reverses the axes.
func (a *array) transposed(perm []int64) *array {
	rank := len(a.dims)
	if len(perm) == 0 {
		for i := rank - 1; i >= 0; i-- {
			perm = append(perm, int64(i))
		}
	}
	seen := slices.Clone(perm)
	slices.Sort(seen)
	for i, p := range seen {
		if len(seen) != rank || p != int64(i) {
			return nil
		}
	}
	dims, step, own := make([]int64, rank), make([]int64, rank), strides(a.dims)
	for i, p := range perm {
		dims[i], step[i] = a.dims[p], own[p]
	}
	return a.gather(dims, step, 0)
}

// sliced returns elements start, start + step, ... before end along an axis, as ONNX's Slice counts them.
func (a *array) sliced(ax int, start, end, step int64) *array {
	n := a.dims[ax]
	if step == 0 {
		return nil
	}
	step = min(max(step, -n-1), n+1)
	clamp := func(x, low, high int64) int64 {
		if x < 0 {
			x += n
		}
		return min(max(x, low), high)
	}
	var length int64
	if step > 0 {
		start, end = clamp(start, 0, n), clamp(end, 0, n)
		length = max(0, (end-start+step-1)/step)
	} else {
		start, end = clamp(start, 0, n-1), clamp(end, -1, n-1)
		length = max(0, (start-end-step-1)/-step)
	}
	dims, own := slices.Clone(a.dims), strides(a.dims)
	first := start * own[ax]
	dims[ax], own[ax] = length, own[ax]*step
	return a.gather(dims, own, first)
}

// taken returns the array whose positions along an axis are those of indices.
func (a *array) taken(ax int, indices *array) *array {
	n := a.dims[ax]
	dims := slices.Concat(a.dims[:ax], indices.dims, a.dims[ax+1:])
	total, ok := count(dims)
	if !ok {
		return nil
	}
	outer, _ := count(a.dims[:ax])
	inner, _ := count(a.dims[ax+1:])
	out := make([]int64, 0, total)
	for o := range outer {
		for _, i := range indices.v {
			if i < 0 {
				i += n
			}
			if i < 0 || i >= n {
				return nil
			}
			from := (o*n + i) * inner
			out = append(out, a.v[from:from+inner]...)
		}
	}
	return a.like(dims, out)
}

// joined concatenates arrays of one kind along an axis.
func joined(list []*array, ax int) *array {
	first := list[0]
	dims := slices.Clone(first.dims)
	dims[ax] = 0
	for _, a := range list {
		if a.isInt != first.isInt || a.dtype != first.dtype || len(a.dims) != len(dims) {
			return nil
		}
		for i, d := range a.dims {
			if i != ax && d != first.dims[i] {
				return nil
			}
		}
		dims[ax] += a.dims[ax]
	}
	total, ok := count(dims)
	if !ok {
		return nil
	}
	outer, _ := count(dims[:ax])
	out := make([]int64, 0, total)
	for o := range outer {
		for _, a := range list {
			size := int64(len(a.v)) / max(outer, 1)
			out = append(out, a.v[o*size:(o+1)*size]...)
		}
	}
	return first.like(dims, out)
}

// broadcast returns the array with the shape that two shapes give together.
func (a *array) broadcast(shape []int64) *array {
	rank := max(len(a.dims), len(shape))
	dims, step, own := make([]int64, rank), make([]int64, rank), strides(a.dims)
	for i := range rank {
		x, y := int64(1), int64(1)
		if k := i - rank + len(a.dims); k >= 0 {
			x, step[i] = a.dims[k], own[k]
		}
		if k := i - rank + len(shape); k >= 0 {
			y = shape[k]
		}
		switch {
		case x == y:
			dims[i] = x
		case x == 1:
			dims[i], step[i] = y, 0
		case y == 1:
			dims[i] = x
		default:
			return nil
		}
	}
	return a.gather(dims, step, 0)
}
