package align

func init() {
	register(conv, "Conv", "com.microsoft.FusedConv")
	register(convTranspose, "ConvTranspose")
	register(pool, "MaxPool", "AveragePool", "LpPool")
	register(globalPool, "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
	register(resize, "Resize", "Upsample")
}

// kernelAxis is the reason of rows and columns of a kernel. It is not reported: no network permutes them.
const kernelAxis = "a kernel"

// conv has a weight of outputs x inputs of a group x kernel. Groups are permuted as a whole, and alike inside.
func conv(c *call) []*value {
	x, w := c.operand(0), c.operand(1)
	group := c.integer("group", 1)
	if x == nil || w == nil || len(x.axes) < 3 || len(w.axes) != len(x.axes) || group < 1 {
		return c.unranked()
	}
	outer, inner := c.grouped(w.axes[0], group)
	if outer < 0 {
		return c.opaque("whose groups are divided differently elsewhere")
	}
	c.uniteWith(x.axes[1], c.join(product, outer, w.axes[1]))
	out := c.join(product, outer, inner)
	axes := append([]int{x.axes[0], out}, c.slide(x.axes[2:], w.axes[2:])...)
	return c.biased(out, axes)
}

// convTranspose has a weight of inputs x outputs of a group x kernel.
func convTranspose(c *call) []*value {
	x, w := c.operand(0), c.operand(1)
	group := c.integer("group", 1)
	if x == nil || w == nil || len(x.axes) < 3 || len(w.axes) != len(x.axes) || group < 1 {
		return c.unranked()
	}
	c.uniteWith(x.axes[1], w.axes[0])
	outer, _ := c.grouped(w.axes[0], group)
	if outer < 0 {
		return c.opaque("whose groups are divided differently elsewhere")
	}
	out := c.join(product, outer, w.axes[1])
	axes := []int{x.axes[0], out}
	for i, k := range w.axes[2:] {
		n := c.transposedLength(i, len(w.axes)-2, c.size(x.axes[2+i]), c.size(k))
		c.freeze(k, kernelAxis)
		axes = append(axes, c.position(x.axes[2+i], n))
	}
	return c.biased(out, axes)
}

// transposedLength returns the length of axis i of the result of a transposed convolution, from that of the operand and
// of the kernel.
func (c *call) transposedLength(i, axes int, n, kernel int64) int64 {
	if c.node.Ints["output_shape"] != nil || c.node.Strings["auto_pad"] != "" || n == unknown {
		return unknown
	}
	pads, stride := c.node.Ints["pads"], at(c.node.Ints["strides"], i, 1)
	return stride*(n-1) + at(c.node.Ints["output_padding"], i, 0) + (kernel-1)*at(c.node.Ints["dilations"], i, 1) + 1 -
		at(pads, i, 0) - at(pads, i+axes, 0)
}

// biased unites the bias with the output channel. Operands after it, of a fused sum, have the shape of the result.
func (c *call) biased(channel int, axes []int) []*value {
	for i := 2; i < len(c.in); i++ {
		if !c.has(i) {
			continue
		}
		v := c.operand(i)
		switch {
		case v == nil:
			return c.unranked()
		case i == 2 && len(v.axes) == 1:
			c.uniteWith(v.axes[0], channel)
		default:
			c.broadcast(axes, v.axes)
		}
	}
	return []*value{of(axes...)}
}

// grouped divides an axis into groups; outer is -1 if that is not possible.
func (c *call) grouped(axis int, groups int64) (outer, inner int) {
	n := c.size(axis)
	if groups == 1 {
		return c.fresh(1, ""), axis
	}
	if n == unknown || n%groups != 0 {
		return -1, -1
	}
	parts := c.divide(axis, groups, n/groups)
	if parts == nil {
		return -1, -1
	}
	return parts[0], parts[1]
}

// slide returns the axes over which a window moves; kernel are axes of a weight, or nil for the attribute. A window of
// one element that moves by one leaves its axis as it is.
func (c *call) slide(axes, kernel []int) (result []int) {
	pads, strides, dilations := c.node.Ints["pads"], c.node.Ints["strides"], c.node.Ints["dilations"]
	shape := c.node.Ints["kernel_shape"]
	for i, x := range axes {
		w := window{length: unknown, stride: at(strides, i, 1), dilation: at(dilations, i, 1),
			before: at(pads, i, 0), after: at(pads, i+len(axes), 0), auto: c.node.Strings["auto_pad"],
			ceil: c.integer("ceil_mode", 0) != 0}
		if w.length = at(shape, i, unknown); kernel != nil {
			w.length = c.size(kernel[i])
		}
		if w.length == 1 && w.stride == 1 && w.before == 0 && w.after == 0 {
			result = append(result, x)
			continue
		}
		if kernel != nil {
			c.freeze(kernel[i], kernelAxis)
		}
		result = append(result, c.position(x, w.results(c.size(x))))
	}
	return result
}

func at(list []int64, i int, otherwise int64) int64 {
	if i < len(list) {
		return list[i]
	}
	return otherwise
}

// window moves over an axis.
type window struct {
	length, stride, dilation, before, after int64
	auto                                    string // auto_pad
	ceil                                    bool
}

// results returns how many places a window has on an axis of n elements.
func (w window) results(n int64) int64 {
	if n == unknown || w.length == unknown || w.stride < 1 {
		return unknown
	}
	switch w.auto {
	case "SAME_UPPER", "SAME_LOWER":
		return (n + w.stride - 1) / w.stride
	case "VALID":
		w.before, w.after = 0, 0
	}
	left := n + w.before + w.after - w.dilation*(w.length-1) - 1
	if left < 0 {
		return unknown
	}
	if w.ceil {
		if left%w.stride != 0 {
			return unknown // one more, unless it begins in the padding
		}
	}
	return left/w.stride + 1
}

func pool(c *call) []*value {
	x := c.operand(0)
	if x == nil || len(x.axes) < 3 {
		return c.unranked()
	}
	return []*value{of(append([]int{x.axes[0], x.axes[1]}, c.slide(x.axes[2:], nil)...)...)}
}

func globalPool(c *call) []*value {
	x := c.operand(0)
	if x == nil || len(x.axes) < 3 {
		return c.unranked()
	}
	axes := []int{x.axes[0], x.axes[1]}
	for range x.axes[2:] {
		axes = append(axes, c.fresh(1, ""))
	}
	return []*value{of(axes...)}
}

// resize leaves axes as they are whose scale is 1, or whose size is its own.
func resize(c *call) []*value {
	x := c.operand(0)
	if x == nil || c.node.Ints["axes"] != nil {
		return c.unranked()
	}
	scales := c.floats(1)
	if len(c.in) > 2 {
		scales = c.floats(2)
	}
	var sizes []number
	if c.has(3) {
		sizes = c.parameter(3)
	}
	out := of()
	for i, axis := range x.axes {
		switch {
		case len(scales) == len(x.axes) && scales[i] == 1,
			len(sizes) == len(x.axes) && c.resolve(sizes[i]) == c.sizeOf(axis):
			out.axes = append(out.axes, axis)
		case len(scales) == len(x.axes) && c.size(axis) != unknown:
			out.axes = append(out.axes, c.position(axis, int64(float64(c.size(axis))*scales[i])))
		case len(sizes) == len(x.axes) && c.resolve(sizes[i]).known:
			out.axes = append(out.axes, c.position(axis, sizes[i].n))
		default:
			out.axes = append(out.axes, c.position(axis, unknown))
		}
	}
	return []*value{out}
}

// floats returns the elements of a small stored tensor, or nil.
func (c *call) floats(i int) []float64 {
	if !c.has(i) || c.in[i].tensor == nil {
		return nil
	}
	c.parameter(i)
	t := c.in[i].tensor
	codec, ok := t.DType.Codec()
	if !ok || t.Len() > maxNumbers || !t.Readable() {
		return nil
	}
	raw, list := make([]byte, t.SizeBytes()), make([]float64, t.Len())
	if t.ReadAt(raw, 0) != nil {
		return nil
	}
	codec.Decode(list, raw)
	return list
}
