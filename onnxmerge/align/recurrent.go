package align

func init() {
	register(recurrent(4), "LSTM")
	register(recurrent(3), "GRU")
	register(recurrent(1), "RNN")
}

// recurrent is the rule of a layer with some gates. Its weights are W (directions x gates and hidden units x inputs), R
// (directions x gates and hidden units x hidden units), B (directions x twice gates and hidden units); initial states
// and P follow. All gates and directions have one permutation of the hidden units.
func recurrent(gates int64) rule {
	return func(c *call) []*value {
		x, w, r := c.operand(0), c.operand(1), c.operand(2)
		if x == nil || w == nil || r == nil || len(x.axes) != 3 || len(w.axes) != 3 || len(r.axes) != 3 {
			return c.unranked()
		}
		hidden := r.axes[2]
		gated := func(n int64) int { return c.join(product, c.fresh(n, positional+c.label), hidden) }
		directions := c.fresh(c.size(w.axes[0]), positional+c.label)
		c.uniteWith(w.axes[2], x.axes[2])
		c.uniteWith(w.axes[1], gated(gates))
		c.uniteWith(r.axes[1], gated(gates))
		time, batch := c.position(x.axes[0], c.size(x.axes[0])), x.axes[1]
		if c.integer("layout", 0) != 0 {
			return c.opaque("whose layout is not followed")
		}
		states := []int{directions, batch, hidden}
		for i, axes := range [][]int{3: {directions, gated(2 * gates)}, 5: states, 6: states,
			7: {directions, gated(3)}} {
			if axes == nil || !c.has(i) {
				continue
			}
			v := c.operand(i)
			if v == nil || len(v.axes) != len(axes) {
				return c.unranked()
			}
			for k := range axes {
				c.uniteWith(v.axes[k], axes[k])
			}
		}
		c.freeze(w.axes[0], positional+c.label)
		c.freeze(r.axes[0], positional+c.label)
		return []*value{of(time, directions, batch, hidden), of(states...), of(states...)}
	}
}
