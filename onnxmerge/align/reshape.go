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
		c.position(x.axes[2], scaled(c.size(x.axes[2]), 1, block)),
		c.position(x.axes[3], scaled(c.size(x.axes[3]), 1, block)))}
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
