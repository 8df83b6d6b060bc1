package align

import "slices"

func init() {
	register(gather, "Gather")
	register(gatherElements, "GatherElements")
	register(gatherND, "GatherND")
	register(shape, "Shape")
	register(single, "Size")
	register(constantOfShape, "ConstantOfShape")
	register(numbered, "Range")
}

// gather puts the axes of the indices in the place of the axis that they index. One constant index, or ascending ones
// without gaps, take a run.
func gather(c *call) []*value {
	x, indices := c.operand(0), c.operand(1)
	if x == nil || indices == nil {
		return c.unranked()
	}
	i, ok := c.axisOf(0, len(x.axes))
	if !ok {
		return c.unranked()
	}
	taken := indices.axes
	if first, n, ok := c.run(indices, c.size(x.axes[i])); ok {
		run := c.span(x.axes[i], span{start: first, end: first + n, step: 1})
		if len(taken) == 1 {
			taken = []int{run}
		}
	} else {
		c.position(x.axes[i], unknown)
	}
	return []*value{of(slices.Concat(x.axes[:i], taken, x.axes[i+1:])...)}
}

// run returns constant indices into an axis of size elements as a run.
func (c *call) run(indices *value, size int64) (first, n int64, ok bool) {
	list, ok := known(indices.numbers)
	if !ok || size == unknown || len(indices.axes) > 1 {
		return 0, 0, false
	}
	for k, i := range list {
		if i < 0 {
			i += size
		}
		if k == 0 {
			first = i
		}
		if i != first+int64(k) || i >= size {
			return 0, 0, false
		}
	}
	return first, int64(len(list)), first >= 0
}

// gatherElements takes single elements along one axis; the others are those of the indices.
func gatherElements(c *call) []*value {
	x, indices := c.operand(0), c.operand(1)
	if x == nil || indices == nil || len(x.axes) != len(indices.axes) {
		return c.unranked()
	}
	axis, ok := c.axisOf(0, len(x.axes))
	if !ok {
		return c.unranked()
	}
	for i := range x.axes {
		if i == axis {
			c.position(x.axes[i], unknown)
			continue
		}
		c.uniteWith(x.axes[i], indices.axes[i])
	}
	return []*value{same(indices)}
}

// gatherND indexes the first axes after the batch by the last axis of the indices.
func gatherND(c *call) []*value {
	x, indices := c.operand(0), c.operand(1)
	batch := int(c.integer("batch_dims", 0))
	if x == nil || indices == nil || len(indices.axes) == 0 || batch < 0 {
		return c.unranked()
	}
	last := len(indices.axes) - 1
	depth := c.size(indices.axes[last])
	if depth == unknown || batch > last || batch+int(depth) > len(x.axes) {
		return c.unranked()
	}
	c.position(indices.axes[last], unknown)
	for i := range batch {
		c.uniteWith(x.axes[i], indices.axes[i])
	}
	for _, axis := range x.axes[batch : batch+int(depth)] {
		c.position(axis, unknown)
	}
	return []*value{of(slices.Concat(indices.axes[:last], x.axes[batch+int(depth):])...)}
}

// shape returns lengths, which do not depend on the order of elements.
func shape(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return []*value{{lost: c.label}}
	}
	return []*value{of(c.fresh(int64(len(c.shapeNumbers())), positional+c.label))}
}

func single(*call) []*value { return []*value{of()} }

// constantOfShape has equal elements everywhere.
func constantOfShape(c *call) []*value {
	if !c.has(0) || c.parameter(0) == nil {
		return []*value{{lost: c.label + ", whose shape is computed"}}
	}
	out := of()
	for _, n := range c.parameter(0) {
		out.axes = append(out.axes, c.sized(n))
	}
	return []*value{out}
}

// numbered counts.
func numbered(c *call) []*value {
	n := int64(unknown)
	if list := c.rangeNumbers(); list != nil {
		n = int64(len(list))
	}
	return []*value{of(c.fresh(n, positional+c.label))}
}
