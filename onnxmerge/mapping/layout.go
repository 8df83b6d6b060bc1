package mapping

import (
	"bytes"
	"iter"
	"slices"
)

// maxPermuted is the largest number of axes, beside those of one element, whose orders are tried.
const maxPermuted = 5

// layout is an order in which the elements of a tensor are read: the axes of the extents dims in the order perm, or, if perm is
// nil, as they are.
type layout struct {
	perm []int
	dims []int64
}

// layoutsOf yields the orders of a tensor's elements that are looked for. A yielded perm is reused.
func layoutsOf(dims []int64) iter.Seq[layout] {
	return func(yield func(layout) bool) {
		if !yield(layout{dims: dims}) {
			return
		}
		squeezed := withoutOnes(dims)
		if n := len(squeezed); n < 2 || n > maxPermuted {
			return
		}
		for perm := range permutations(len(squeezed)) {
			if !yield(layout{perm, squeezed}) {
				return
			}
		}
	}
}

// place returns where a tensor has the i-th element of an order.
func (l layout) place(i int64) int64 {
	if l.perm == nil {
		return i
	}
	strides, off := stridesOf(l.dims), int64(0)
	for _, p := range slices.Backward(l.perm) {
		off += i % l.dims[p] * strides[p]
		i /= l.dims[p]
	}
	return off
}

// walk returns a walk over the elements of an order.
func (l layout) walk() *walk {
	if l.perm == nil {
		return newWalk(l.dims, stridesOf(l.dims))
	}
	return newWalk(permuted(l.dims, l.perm), permuted(stridesOf(l.dims), l.perm))
}

// of returns the expression of the elements of x, whose extents are from, in an order, and its extents.
func (l layout) of(x *Expression, from []int64) (*Expression, []int64) {
	if l.perm == nil {
		return x, from
	}
	return &Expression{Op: Transpose, Args: []*Expression{reshaped(x, from, l.dims)}, Perm: slices.Clone(l.perm)},
		permuted(l.dims, l.perm)
}

// layouts returns the ways in which the elements of want are those of from in another arrangement, as expressions over
// x, which stands for from. Of several, those are returned whose extents are those of want but for axes of one element,
// if there are any. Arrays of equal elements have several layouts that differ in other arrays.
func layouts(x *Expression, from, want array) []*Expression {
	return layoutsBy(x, from.dims, want.dims, func(l layout) bool { return sameElements(from, want, l) })
}

// layoutsBy is layouts with a comparison: whether the elements of from in an order are those of want. It is called for all orders
// of layoutsOf.
func layoutsBy(x *Expression, from, want []int64, same func(l layout) bool) []*Expression {
	var exact, flat []*Expression
	if length(from) != length(want) {
		return nil
	}
	for l := range layoutsOf(from) {
		if !same(l) {
			continue
		}
		e, dims := l.of(x, from)
		if fits := slices.Equal(withoutOnes(dims), withoutOnes(want)); fits {
			exact = append(exact, reshaped(e, dims, want))
		} else {
			flat = append(flat, reshaped(e, dims, want))
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return flat
}

// reshaped returns e, whose extents are dims, with the extents want.
func reshaped(e *Expression, dims, want []int64) *Expression {
	if slices.Equal(dims, want) {
		return e
	}
	return &Expression{Op: Reshape, Args: []*Expression{e}, Dims: want}
}

func withoutOnes(dims []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(dims), func(d int64) bool { return d == 1 })
}

// sameElements compares want with the elements of from in an order.
func sameElements(from, want array, l layout) bool {
	if l.perm == nil {
		return bytes.Equal(from.data, want.data)
	}
	w := l.walk()
	item := want.itemBytes()
	for at := 0; at < min(len(want.data), sampled*item); at += item {
		if from := from.data[int(w.off)*item:]; !bytes.Equal(from[:item], want.data[at:at+item]) {
			return false
		}
		w.next()
	}
	all := make([]byte, len(want.data))
	gather(all, from.data, w.dims, stridesOf(w.dims), w.strides, item)
	return bytes.Equal(all, want.data)
}

// sampled is how many elements are compared before all are.
const sampled = 256

// permutations yields the orders of n axes but the one as they are, in lexicographic order. A yielded slice is reused.
func permutations(n int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		p := make([]int, n)
		for i := range p {
			p[i] = i
		}
		for next(p) {
			if !yield(p) {
				return
			}
		}
	}
}

// next makes p the next permutation and reports whether there is one.
func next(p []int) bool {
	i := len(p) - 2
	for i >= 0 && p[i] > p[i+1] {
		i--
	}
	if i < 0 {
		return false
	}
	j := len(p) - 1
	for p[j] < p[i] {
		j--
	}
	p[i], p[j] = p[j], p[i]
	slices.Reverse(p[i+1:])
	return true
}
