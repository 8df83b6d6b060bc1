package align

func init() {
	register(channelVectors, "BatchNormalization", "InstanceNormalization")
	register(layerNormalization, "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
	register(skipNormalization, "com.microsoft.SkipLayerNormalization",
		"com.microsoft.SkipSimplifiedLayerNormalization")
	register(groupNormalization, "GroupNormalization")
	register(unary, "MeanVarianceNormalization")
}

// channelVectors is the rule of operators whose further operands have one number per channel.
func channelVectors(c *call) []*value {
	x := c.operand(0)
	if x == nil || len(x.axes) < 2 {
		return c.unranked()
	}
	out := []*value{same(x)}
	for i := 1; i < len(c.in); i++ {
		v := c.operand(i)
		if v == nil || len(v.axes) != 1 {
			return c.unranked()
		}
		c.uniteWith(v.axes[0], x.axes[1])
		out = append(out, of(x.axes[1])) // statistics, if any, are results of training
	}
	return out
}

// layerNormalization normalises over axes, in no order; scale and bias broadcast to them.
func layerNormalization(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	operands := [][]int{x.axes}
	for i := 1; i < len(c.in); i++ {
		if !c.has(i) {
			continue
		}
		v := c.operand(i)
		if v == nil {
			return c.unranked()
		}
		operands = append(operands, v.axes)
	}
	c.broadcast(operands...)
	return []*value{same(x)}
}

// skipNormalization adds before it normalises; its fourth result is the sum.
func skipNormalization(c *call) []*value {
	out := layerNormalization(c)
	if out == nil {
		return nil
	}
	return []*value{out[0], nil, nil, same(out[0])}
}

// groupNormalization divides channels into groups, which are permuted, and permuted alike inside. Scale and bias have
// one number per group before operator set 21, then one per channel.
func groupNormalization(c *call) []*value {
	x := c.operand(0)
	groups := c.integer("num_groups", 0)
	if x == nil || len(x.axes) < 2 || groups < 1 || c.size(x.axes[1])%groups != 0 {
		return c.unranked()
	}
	parts := c.divide(x.axes[1], groups, c.size(x.axes[1])/groups)
	if parts == nil {
		return c.opaque("whose groups are divided differently elsewhere")
	}
	for i := 1; i < len(c.in); i++ {
		v := c.operand(i)
		switch {
		case v == nil || len(v.axes) != 1:
			return c.unranked()
		case c.size(v.axes[0]) == groups:
			c.uniteWith(v.axes[0], parts[0])
		default:
			c.uniteWith(v.axes[0], x.axes[1])
		}
	}
	return []*value{same(x)}
}
