package align

import "slices"

func init() {
	register(linearQuantisation, "QuantizeLinear", "DequantizeLinear")
	register(dynamicQuantisation, "DynamicQuantizeLinear")
}

// linearQuantisation has a scale and a zero point for the whole tensor, or for each element of an axis.
func linearQuantisation(c *call) []*value {
	x := c.operand(0)
	if x == nil || c.integer("block_size", 0) != 0 {
		return c.unranked()
	}
	for i := 1; i < len(c.in); i++ {
		if !c.has(i) {
			continue
		}
		v := c.operand(i)
		axis, ok := c.axisOf(1, len(x.axes))
		switch {
		case v == nil || len(v.axes) > 1:
			return c.unranked()
		case len(v.axes) == 1 && c.size(v.axes[0]) != 1 && !ok:
			return c.unranked()
		case len(v.axes) == 1 && c.size(v.axes[0]) != 1:
			c.uniteWith(v.axes[0], x.axes[axis])
		}
	}
	return []*value{of(slices.Clone(x.axes)...)}
}

// dynamicQuantisation computes scale and zero point from the smallest and largest element.
func dynamicQuantisation(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	return []*value{same(x), of(), of()}
}
