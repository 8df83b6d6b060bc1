package align

import "slices"

// reshaping divides axes and joins them: from are the factors of the operand's axes, to those of the result, of which
// length says the lengths.
type reshaping struct {
	*call
	from, to []int
	length   []number
	lo, hi   int // axes of the result from lo up to hi are not known yet
}

// inferOne computes the one length that the file leaves open, if all others are known.
func (r *reshaping) inferOne() {
	total, open, rest := r.size(r.join(product, r.from...)), -1, int64(1)
	for i, n := range r.length {
		switch {
		case n.known:
			rest *= n.n
		case open >= 0 || n.class >= 0:
			return
		default:
			open = i
		}
	}
	if open >= 0 && total != unknown && rest > 0 && total%rest == 0 {
		r.length[open] = number{known: true, n: total / rest, class: -1}
	}
}

// match takes axes of the result from both ends, as far as lengths are known. What is left in the middle becomes one
// axis, or is frozen.
func (r *reshaping) match() {
	r.lo, r.hi = 0, len(r.to)
	for r.lo < r.hi && r.first() {
		r.lo++
	}
	for r.lo < r.hi && r.last() {
		r.hi--
	}
	switch {
	case r.lo == r.hi:
		for _, x := range r.from { // of length 1, unless the file is wrong
			r.freezeUnlessSingle(x)
		}
	case r.lo+1 == r.hi:
		n := r.length[r.lo]
		if n.known {
			r.inferFactor(n.n)
		}
		r.to[r.lo] = r.join(product, r.from...)
		if n.known && r.size(r.to[r.lo]) != n.n {
			r.freeze(r.to[r.lo], positional+r.label)
			r.to[r.lo] = r.fresh(n.n, positional+r.label)
		}
	default:
		for _, x := range r.from {
			r.freezeUnlessSingle(x)
		}
		for i := r.lo; i < r.hi; i++ {
			n := int64(unknown)
			if r.length[i].known {
				n = r.length[i].n
			}
			r.to[i] = r.fresh(n, r.label+", which divides axes of unknown length")
		}
	}
}

// inferFactor sets the length of the only factor that has none, from the length of the product: exporters that trace
// write the product of the batch and the heads as a constant.
func (r *reshaping) inferFactor(n int64) {
	open, rest := -1, int64(1)
	for _, x := range r.from {
		x = r.find(x)
		switch {
		case r.list[x].size != unknown:
			rest *= r.list[x].size
		case open >= 0 || r.list[x].division != whole:
			return
		default:
			open = x
		}
	}
	if open >= 0 && rest > 0 && n%rest == 0 {
		r.list[open].size = n / rest
	}
}

func (r *reshaping) freezeUnlessSingle(x int) {
	if r.size(x) != 1 {
		r.freeze(x, r.label+", which divides axes of unknown length")
	}
}

// first takes the first axis of the result that is not known.
func (r *reshaping) first() bool {
	n := r.length[r.lo]
	if n.known && n.n == 1 {
		r.to[r.lo] = r.fresh(1, "")
		return true
	}
	for len(r.from) > 0 && r.size(r.from[0]) == 1 {
		r.from = r.from[1:]
	}
	if len(r.from) == 0 {
		return false
	}
	if !n.known {
		if n.class < 0 || r.find(n.class) != r.find(r.from[0]) {
			return false
		}
		r.to[r.lo], r.from = r.from[0], r.from[1:]
		return true
	}
	total := int64(1)
	for i, x := range r.from {
		size := r.size(x)
		switch {
		case size == unknown:
			return false
		case total*size == n.n:
			r.to[r.lo] = r.join(product, r.from[:i+1]...)
			r.from = r.from[i+1:]
			return true
		case total*size > n.n:
			return r.divideFirst(i, n.n/total, n.n%total)
		}
		total *= size
	}
	return false
}

// divideFirst takes the factors before i, and of that one as much as is needed.
func (r *reshaping) divideFirst(i int, outer, rest int64) bool {
	size := r.size(r.from[i])
	if rest != 0 || outer < 1 || size%outer != 0 {
		return false
	}
	parts := r.divide(r.from[i], outer, size/outer)
	if parts == nil {
		return false
	}
	r.to[r.lo] = r.join(product, append(slices.Clone(r.from[:i]), parts[0])...)
	r.from = slices.Concat(r.factors(parts[1]), r.from[i+1:])
	return true
}

// last takes the last axis of the result that is not known.
func (r *reshaping) last() bool {
	at := r.hi - 1
	n := r.length[at]
	if n.known && n.n == 1 {
		r.to[at] = r.fresh(1, "")
		return true
	}
	for len(r.from) > 0 && r.size(r.from[len(r.from)-1]) == 1 {
		r.from = r.from[:len(r.from)-1]
	}
	if len(r.from) == 0 {
		return false
	}
	if !n.known {
		end := len(r.from) - 1
		if n.class < 0 || r.find(n.class) != r.find(r.from[end]) {
			return false
		}
		r.to[at], r.from = r.from[end], r.from[:end]
		return true
	}
	total := int64(1)
	for i := len(r.from) - 1; i >= 0; i-- {
		size := r.size(r.from[i])
		switch {
		case size == unknown:
			return false
		case total*size == n.n:
			r.to[at] = r.join(product, r.from[i:]...)
			r.from = r.from[:i]
			return true
		case total*size > n.n:
			return r.divideLast(i, n.n/total, n.n%total)
		}
		total *= size
	}
	return false
}

// divideLast takes the factors after i, and of that one as much as is needed.
func (r *reshaping) divideLast(i int, inner, rest int64) bool {
	size := r.size(r.from[i])
	if rest != 0 || inner < 1 || size%inner != 0 {
		return false
	}
	parts := r.divide(r.from[i], size/inner, inner)
	if parts == nil {
		return false
	}
	r.to[r.hi-1] = r.join(product, append([]int{parts[1]}, r.from[i+1:]...)...)
	r.from = slices.Concat(r.from[:i], r.factors(parts[0]))
	return true
}
