package align

import "slices"

func init() {
	register(reduce, "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
		"ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
	register(argument, "ArgMax", "ArgMin")
	register(topK, "TopK")
	register(cumSum, "CumSum")
}

// reduce removes axes, in which elements have no order.
func reduce(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	list, given, ok := c.listed("axes", 1)
	if !ok {
		return c.opaque("whose axes are computed")
	}
	if !given && c.integer("noop_with_empty_axes", 0) != 0 {
		return []*value{same(x)}
	}
	return []*value{c.without(x, list, !given)}
}

// without returns a value from which axes are removed, or of which they have size 1.
func (c *call) without(x *value, list []int64, all bool) *value {
	gone := make([]bool, len(x.axes))
	for _, a := range list {
		if i, ok := within(a, len(x.axes)); ok {
			gone[i] = true
		}
	}
	out := of()
	for i, axis := range x.axes {
		switch {
		case !gone[i] && !all:
			out.axes = append(out.axes, axis)
		case c.integer("keepdims", 1) != 0:
			out.axes = append(out.axes, c.fresh(1, ""))
		}
	}
	return out
}

// argument returns an index into an axis.
func argument(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	axis, ok := c.axisOf(0, len(x.axes))
	if !ok {
		return c.unranked()
	}
	c.position(x.axes[axis], 1)
	return []*value{c.without(x, []int64{int64(axis)}, false)}
}

func topK(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	axis, ok := c.axisOf(-1, len(x.axes))
	if !ok {
		return c.unranked()
	}
	k := int64(unknown)
	if n := c.parameter(1); len(n) == 1 && c.resolve(n[0]).known {
		k = c.resolve(n[0]).n
	}
	axes := slices.Clone(x.axes)
	axes[axis] = c.position(x.axes[axis], k)
	return []*value{of(axes...), of(axes...)}
}

func cumSum(c *call) []*value {
	x := c.operand(0)
	list, ok := known(c.parameter(1))
	if x == nil || !ok || len(list) != 1 {
		return c.opaque("whose axis is computed")
	}
	axis, ok := within(list[0], len(x.axes))
	if !ok {
		return c.unranked()
	}
	c.position(x.axes[axis], unknown)
	return []*value{same(x)}
}
