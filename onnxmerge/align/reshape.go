package align

import "slices"

func init() {
	register(transpose, "Transpose")
	register(reshape, "Reshape")
	register(flatten, "Flatten")
	register(squeeze, "Squeeze")
	register(unsqueeze, "Unsqueeze")
	register(expand, "Expand")
	register(tile, "Tile")
	register(depthToSpace, "DepthToSpace")
	register(spaceToDepth, "SpaceToDepth")
}

func transpose(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	out, perm := same(x), c.node.Ints["perm"]
	if perm == nil {
		slices.Reverse(out.axes)
		return []*value{out}
	}
	if len(perm) != len(x.axes) {
		return c.unranked()
	}
	for i, from := range perm {
		k, ok := within(from, len(x.axes))
		if !ok {
			return c.unranked()
		}
		out.axes[i] = x.axes[k]
	}
	return []*value{out}
}

func flatten(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	axis := c.integer("axis", 1)
	if axis < 0 {
		axis += int64(len(x.axes))
	}
	if axis < 0 || axis > int64(len(x.axes)) {
		return c.unranked()
	}
	return []*value{of(c.join(product, x.axes[:axis]...), c.join(product, x.axes[axis:]...))}
}

func squeeze(c *call) []*value {
	x := c.operand(0)
	list, given, ok := c.listed("axes", 1)
	if x == nil || !ok {
		return c.unranked()
	}
	out, gone := of(), map[int]bool{}
	for _, a := range list {
		i, ok := within(a, len(x.axes))
		if !ok {
			return c.unranked()
		}
		gone[i] = true
	}
	for i, axis := range x.axes {
		if !given && c.size(axis) == unknown {
			return c.opaque("which removes axes of length 1, and one has an unknown length")
		}
		if !gone[i] && (given || c.size(axis) != 1) {
			out.axes = append(out.axes, axis)
		}
	}
	return []*value{out}
}

func unsqueeze(c *call) []*value {
	x := c.operand(0)
	list, _, ok := c.listed("axes", 1)
	if x == nil || !ok {
		return c.unranked()
	}
	rank := len(x.axes) + len(list)
	added := make([]bool, rank)
	for _, a := range list {
		i, ok := within(a, rank)
		if !ok {
			return c.unranked()
		}
		added[i] = true
	}
	out, next := of(), 0
	for i := range rank {
		switch {
		case added[i]:
			out.axes = append(out.axes, c.fresh(1, ""))
		case next < len(x.axes):
			out.axes = append(out.axes, x.axes[next])
			next++
		}
	}
	return []*value{out}
}

// expand repeats axes of length 1: all elements of the result's axis are equal, so that any permutation fits.
func expand(c *call) []*value {
	x := c.operand(0)
	if x == nil || !c.has(1) {
		return c.unranked()
	}
	shape := c.parameter(1)
	if shape == nil && len(c.in[1].axes) == 1 && c.size(c.in[1].axes[0]) > 0 {
		shape = slices.Repeat([]number{{class: -1}}, int(min(c.size(c.in[1].axes[0]), maxNumbers)))
	}
	if shape == nil {
		return c.opaque("whose shape is computed")
	}
	out := of()
	for k := range max(len(shape), len(x.axes)) {
		i, j := len(x.axes)-1-k, len(shape)-1-k
		switch {
		case i >= 0 && (c.size(x.axes[i]) != 1 || j < 0):
			out.axes = append(out.axes, x.axes[i])
		default:
			out.axes = append(out.axes, c.sized(shape[j]))
		}
	}
	slices.Reverse(out.axes)
	return []*value{out}
}

// sized returns an axis of a length; one of a length that no file says is that of the class whose length it is.
func (c *call) sized(n number) int {
	n = c.resolve(n)
	switch {
	case n.known:
		return c.fresh(n.n, "")
	case n.class >= 0:
		return n.class
	}
	return c.fresh(unknown, "")
}

// tile repeats an axis as a whole, so that the copies are the slower part of a product.
func tile(c *call) []*value {
	x := c.operand(0)
	if x == nil || len(c.parameter(1)) != len(x.axes) {
		return c.opaque("whose repeats are computed")
	}
	out := of()
	for i, n := range c.parameter(1) {
		n = c.resolve(n)
		switch {
		case n.known && n.n == 1:
			out.axes = append(out.axes, x.axes[i])
		case c.size(x.axes[i]) == 1:
			out.axes = append(out.axes, c.sized(n))
		case n.known && n.n > 1 && c.size(x.axes[i]) != unknown:
			out.axes = append(out.axes, c.join(product, c.fresh(n.n, ""), x.axes[i]))
		default:
			out.axes = append(out.axes, c.position(x.axes[i], unknown))
		}
	}
	return []*value{out}
}

// depthToSpace and spaceToDepth move a part of the channels: the slower one, or with mode CRD the faster one.
func depthToSpace(c *call) []*value {
	x, block := c.operand(0), c.integer("blocksize", 0)
	if x == nil || len(x.axes) != 4 || block < 1 || c.size(x.axes[1])%(block*block) != 0 {
		return c.unranked()
	}
	moved, left := block*block, c.size(x.axes[1])/(block*block)
	var parts []int
	if c.node.Strings["mode"] == "CRD" {
		parts = c.divide(x.axes[1], left, moved)
		slices.Reverse(parts)
	} else {
		parts = c.divide(x.axes[1], moved, left)
	}
	if parts == nil {
		return c.opaque("whose channels are divided differently elsewhere")
	}
	c.freeze(parts[0], positional+c.label)
	return []*value{of(x.axes[0], parts[1], c.position(x.axes[2], scaled(c.size(x.axes[2]), block, 1)),
		c.position(x.axes[3], scaled(c.size(x.axes[3]), block, 1)))}
}

func spaceToDepth(c *call) []*value {
	x, block := c.operand(0), c.integer("blocksize", 0)
	if x == nil || len(x.axes) != 4 || block < 1 {
		return c.unranked()
	}
	moved := c.fresh(block*block, positional+c.label)
	return []*value{of(x.axes[0], c.join(product, moved, x.axes[1]),
		c.position(x.axes[2], scaled(c.size(x.axes[2]), 1, block)), c.position(x.axes[3], scaled(c.size(x.axes[3]), 1, block)))}
}

func scaled(n, by, divisor int64) int64 {
	if n == unknown {
		return unknown
	}
	return n * by / divisor
}

func reshape(c *call) []*value {
	x := c.operand(0)
	shape := c.node.Ints["shape"] // before operator set 5
	var numbers []number
	for _, n := range shape {
		numbers = append(numbers, number{known: true, n: n, class: -1})
	}
	if shape == nil && c.has(1) {
		if numbers = c.parameter(1); len(c.in[1].axes) == 1 && c.size(c.in[1].axes[0]) == 0 {
			numbers = []number{}
		}
	}
	if x == nil || numbers == nil {
		return c.opaque("whose shape is computed")
	}
	r := &reshaping{call: c, to: make([]int, len(numbers)), length: make([]number, len(numbers))}
	for i, n := range numbers {
		n = c.resolve(n)
		if n.known && n.n == 0 && c.integer("allowzero", 0) == 0 && i < len(x.axes) {
			n = c.sizeOf(x.axes[i])
		}
		if n.known && n.n < 0 {
			n = number{class: -1}
		}
		r.to[i], r.length[i] = -1, n
	}
	for _, axis := range x.axes {
		r.from = append(r.from, c.factors(axis)...)
	}
	r.inferOne()
	r.match()
	return []*value{of(r.to...)}
}

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

// match takes axes of the result from both ends, as far as lengths are known. What is left in the middle becomes one axis,
// or is frozen.
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

// inferFactor sets the length of the only factor that has none, from the length of the product: exporters that trace write
// the product of the batch and the heads as a constant.
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
