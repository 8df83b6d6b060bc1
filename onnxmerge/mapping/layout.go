package mapping

import (
	"bytes"
	"slices"
)

// maxPermuted is the largest number of axes, beside those of one element, whose orders are tried.
const maxPermuted = 5

// layouts returns the ways in which the elements of want are those of from in another arrangement, as expressions over
// x, which stands for from. Of several, those are returned whose extents are those of want but for axes of one element,
// if there are any. Arrays of equal elements have several layouts that differ in other arrays.
func layouts(x *Expression, from, want array) []*Expression {
	return layoutsBy(x, from.dims, want.dims, func(perm []int, dims []int64) bool {
		return sameElements(from, want, perm, dims)
	})
}

// layoutsBy is layouts with a comparison: whether the axes of from, whose extents are dims, in the order perm give the
// elements of want. perm is nil for the order as it is.
func layoutsBy(x *Expression, from, want []int64, same func(perm []int, dims []int64) bool) []*Expression {
	var exact, flat []*Expression
	if length(from) != length(want) {
		return nil
	}
	add := func(e *Expression, dims []int64) {
		if slices.Equal(dims, want) {
			exact = append(exact, e)
		} else if e = reshaped(e, dims, want); slices.Equal(withoutOnes(dims), withoutOnes(want)) {
			exact = append(exact, e)
		} else {
			flat = append(flat, e)
		}
	}
	if same(nil, from) {
		add(x, from)
	}
	squeezed := withoutOnes(from)
	if n := len(squeezed); n >= 2 && n <= maxPermuted {
		inner := reshaped(x, from, squeezed)
		for perm := range permutations(n) {
			if same(perm, squeezed) {
				add(&Expression{Op: Transpose, Args: []*Expression{inner}, Perm: slices.Clone(perm)}, permuted(squeezed, perm))
			}
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

// sameElements compares want with the elements of from whose axes, of the extents dims, are in the order perm.
func sameElements(from, want array, perm []int, dims []int64) bool {
	if perm == nil {
		return bytes.Equal(from.data, want.data)
	}
	strides := permuted(stridesOf(dims), perm)
	moved := permuted(dims, perm)
	w := newWalk(moved, strides)
	item := want.itemBytes()
	for at := 0; at < min(len(want.data), sampled*item); at += item {
		if from := from.data[int(w.off)*item:]; !bytes.Equal(from[:item], want.data[at:at+item]) {
			return false
		}
		w.next()
	}
	all := make([]byte, len(want.data))
	gather(all, from.data, moved, strides, item)
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
