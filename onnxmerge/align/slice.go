package align

import (
	"math"
	"slices"
)

func init() {
	register(slice, "Slice")
	register(split, "Split")
	register(concat, "Concat")
	register(pad, "Pad")
	register(splitToSequence, "SplitToSequence")
	register(sequenceConstruct, "SequenceConstruct")
	register(sequenceAt, "SequenceAt")
	register(concatFromSequence, "ConcatFromSequence")
}

// span is what a Slice takes of an axis.
type span struct {
	axis             int64
	start, end, step int64
}

// slices returns the spans of a Slice whose operands begin at first; ok is false if they are not known.
func (c *call) slices(first int) (list []span, ok bool) {
	starts, _, ok1 := c.listed("starts", first)
	ends, _, ok2 := c.listed("ends", first+1)
	axes, given, ok3 := c.listed("axes", first+2)
	steps, stepped, ok4 := c.listed("steps", first+3)
	if !ok1 || !ok2 || !ok3 || !ok4 || len(starts) != len(ends) || given && len(axes) != len(starts) ||
		stepped && len(steps) != len(starts) {
		return nil, false
	}
	for i := range starts {
		s := span{int64(i), starts[i], ends[i], 1}
		if given {
			s.axis = axes[i]
		}
		if stepped {
			s.step = steps[i]
		}
		list = append(list, s)
	}
	return list, true
}

// in returns the range of indices that is taken from an axis of n elements; ok is false if it has gaps or is reversed.
func (s span) in(n int64) (start, end int64, ok bool) {
	start, end = bound(s.start, n), bound(s.end, n)
	return start, max(start, end), s.step == 1
}

func slice(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	spans, ok := c.slices(1)
	if !ok {
		return c.sliceUnknown(x)
	}
	out := same(x)
	for _, s := range spans {
		i, ok := within(s.axis, len(x.axes))
		if !ok {
			return c.unranked()
		}
		out.axes[i] = c.span(x.axes[i], s)
	}
	return []*value{out}
}

// sliceUnknown is slice for bounds that are computed: the axes are known at least.
func (c *call) sliceUnknown(x *value) []*value {
	axes, _, ok := c.listed("axes", 3)
	if !ok || len(axes) == 0 {
		return c.opaque("whose bounds are computed")
	}
	out := same(x)
	for _, a := range axes {
		i, ok := within(a, len(x.axes))
		if !ok {
			return c.unranked()
		}
		out.axes[i] = c.position(x.axes[i], unknown)
	}
	return []*value{out}
}

// span returns the axis of the result of a slice of an axis.
func (c *call) span(axis int, s span) int {
	n := c.size(axis)
	if n == unknown {
		if s.start == 0 && s.step == 1 && s.end >= math.MaxInt32 {
			return axis
		}
		return c.position(axis, unknown)
	}
	start, end, ok := s.in(n)
	if !ok {
		return c.position(axis, unknown)
	}
	if runs := c.cut(axis, []int64{start, end - start, n - end}); runs != nil {
		return runs[1]
	}
	return c.position(axis, end-start)
}

// split returns runs of an axis; without sizes, as many as there are results.
func split(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	sizes, given, ok := c.listed("split", 1)
	axis, inside := c.axisOf(0, len(x.axes))
	if !ok || !inside {
		return c.opaque("whose sizes are computed")
	}
	if !given {
		sizes = chunks(c.size(x.axes[axis]), int64(len(c.node.Outputs)))
	}
	return c.splitAxis(x, axis, sizes)
}

// chunks returns the sizes of k runs of n elements, of which the last may be shorter.
func chunks(n, k int64) (sizes []int64) {
	if n == unknown || k < 1 {
		return nil
	}
	size := (n + k - 1) / k
	for range k {
		sizes = append(sizes, min(size, n))
		n -= min(size, n)
	}
	return sizes
}

func (c *call) splitAxis(x *value, axis int, sizes []int64) (list []*value) {
	total := int64(0)
	for _, n := range sizes {
		total += n
	}
	if sizes == nil || total != c.size(x.axes[axis]) {
		return c.opaque("whose sizes are not known")
	}
	runs := c.cut(x.axes[axis], sizes)
	for i, n := range sizes {
		out := same(x)
		if runs != nil {
			out.axes[axis] = runs[i]
		} else {
			out.axes[axis] = c.position(x.axes[axis], n)
		}
		list = append(list, out)
	}
	return list
}

func concat(c *call) []*value {
	axis := c.integer("axis", 1) // before operator set 4; later it must be given
	return c.concatenate(c.in, axis)
}

func (c *call) concatenate(operands []*value, axis int64) []*value {
	var parts []int
	var list [][]int
	at := 0
	for _, v := range operands {
		if v == nil || !v.ranked || len(list) > 0 && len(v.axes) != len(list[0]) {
			return c.unranked()
		}
		i, ok := within(axis, len(v.axes))
		if !ok {
			return c.unranked()
		}
		at = i
		parts = append(parts, v.axes[i])
		others := slices.Clone(v.axes)
		others[i] = c.fresh(1, "")
		list = append(list, others)
	}
	if len(list) == 0 {
		return c.unranked()
	}
	axes := c.broadcast(list...)
	axes[at] = c.join(concatenation, parts...)
	return []*value{of(axes...)}
}

// pad adds runs to an axis. Their elements are equal, so that any permutation of them fits.
func pad(c *call) []*value {
	x := c.operand(0)
	pads, _, ok := c.listed("pads", 1)
	if x == nil || c.has(3) || ok && len(pads) != 2*len(x.axes) {
		return c.unranked()
	}
	if !ok { // the amounts are computed
		pads = slices.Repeat([]int64{-1}, 2*len(x.axes))
	}
	constant := c.node.Strings["mode"] == "" || c.node.Strings["mode"] == "constant"
	out := same(x)
	for i, axis := range x.axes {
		before, after := pads[i], pads[i+len(x.axes)]
		n := c.size(axis)
		switch {
		case before == 0 && after == 0:
		case !constant || before < 0 || after < 0 || n == unknown:
			out.axes[i] = c.position(axis, unknown)
		default:
			out.axes[i] = c.join(concatenation, c.fresh(before, ""), axis, c.fresh(after, ""))
		}
	}
	return []*value{out}
}

// splitToSequence is Split into a list of values. Without sizes, or (in onnxruntime, and as PyTorch's exporter writes
// unbind) with the single size 1, keepdims = 0 removes the axis.
func splitToSequence(c *call) []*value {
	x := c.operand(0)
	if x == nil {
		return c.unranked()
	}
	axis, inside := c.axisOf(0, len(x.axes))
	if !inside || c.size(x.axes[axis]) == unknown {
		return c.opaque("whose sizes are not known")
	}
	n := c.size(x.axes[axis])
	sizes, given, ok := c.listed("split", 1)
	switch {
	case !ok:
		return c.opaque("whose sizes are computed")
	case !given:
		sizes = chunks(n, n)
	case len(sizes) == 1 && sizes[0] > 0 && len(c.in[1].axes) == 0:
		given = sizes[0] != 1
		sizes = equalRuns(n, sizes[0])
	}
	items := c.splitAxis(x, axis, sizes)
	if !given && c.integer("keepdims", 1) == 0 {
		for _, v := range items {
			v.axes = slices.Delete(v.axes, axis, axis+1)
		}
	}
	return []*value{{items: items}}
}

// equalRuns returns the sizes of runs of k elements, the last of which may be shorter.
func equalRuns(n, k int64) (sizes []int64) {
	for ; n > 0; n -= min(n, k) {
		sizes = append(sizes, min(n, k))
	}
	return sizes
}

func sequenceConstruct(c *call) []*value { return []*value{{items: c.in}} }

func sequenceAt(c *call) []*value {
	at, ok := known(c.parameter(1))
	if !c.has(0) || c.in[0].items == nil || !ok || len(at) != 1 {
		return c.opaque("whose position is computed")
	}
	i, ok := within(at[0], len(c.in[0].items))
	if !ok {
		return c.unranked()
	}
	return []*value{c.in[0].items[i]}
}

func concatFromSequence(c *call) []*value {
	if !c.has(0) || c.in[0].items == nil || c.integer("new_axis", 0) != 0 {
		return c.opaque("whose sequence is not known")
	}
	return c.concatenate(c.in[0].items, c.integer("axis", 0))
}
