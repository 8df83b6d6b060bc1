package align

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// value is what is known of a value of the graph: the class of each axis, and of small tensors of integers, which shapes
// are made of, the elements.
type value struct {
	axes    []int
	ranked  bool // whether axes says the number of axes; false if it is not known
	numbers []number
	tensor  *onnx.Tensor // whose elements it has; nil if it is computed
	items   []*value     // of a sequence
	lost    string       // if the number of axes is not known: the operator from which on, and why
}

// number is an element of a small tensor of integers: a known one, or the size of a class.
type number struct {
	known bool
	n     int64
	class int // if not known; -1 if it is no size
}

// walker is the [flow.Visitor] that unites axes, operator by operator.
type walker struct {
	classes
	model   *onnx.Model
	tensors map[*onnx.Tensor]*value
	named   []named // axes of values of the main graph, in the order of computation
}

// named is a value of the main graph that an operator computes.
type named struct {
	name string
	axes []int
}

// maxNumbers is the length up to which integers are followed; shapes have fewer.
const maxNumbers = 64

// Input implements [flow.Visitor]: inputs of the model are not permuted.
func (w *walker) Input(_ int, in onnx.Value) *value {
	return w.declared(in, "the model's input "+in.Name)
}

// declared returns a value of declared type whose axes are frozen.
func (w *walker) declared(d onnx.Value, reason string) *value {
	v := &value{ranked: d.Shape != nil, lost: reason}
	for _, dim := range d.Shape {
		v.axes = append(v.axes, w.addFrozen(dim.Len, reason))
	}
	return v
}

// Tensor implements [flow.Visitor]. Long integers and booleans are indices, sizes and masks; shorter ones may be weights.
func (w *walker) Tensor(t *onnx.Tensor) *value {
	v := w.tensors[t]
	if v != nil {
		return v
	}
	v = &value{ranked: true, tensor: t, numbers: integers(t)}
	dims := t.Dims
	if t.Indices != nil {
		dims = t.DenseDims
	}
	reason := ""
	switch {
	case t.Indices != nil:
		reason = "it is sparse"
	case !t.DType.IsFloat() && t.DType.Bits() >= 32 || t.DType == onnx.Bool:
		reason = "the integers of " + t.ID()
	case !t.Replaceable() || t.DType.Bits()%8 != 0:
		reason = "its elements cannot be permuted where they are stored"
	}
	for _, n := range dims {
		v.axes = append(v.axes, w.addFrozen(n, reason))
	}
	w.tensors[t] = v
	return v
}

// integers returns the elements of a small tensor of integers, else nil.
func integers(t *onnx.Tensor) (list []number) {
	if t.Len() > maxNumbers || !t.Readable() || len(t.Dims) > 1 || t.Indices != nil {
		return nil
	}
	raw := make([]byte, t.SizeBytes())
	if t.ReadAt(raw, 0) != nil {
		return nil // who needs the elements reports it
	}
	for i := range int(t.Len()) {
		n, ok := integer(t.DType, raw, i)
		if !ok {
			return nil
		}
		list = append(list, number{known: true, n: n})
	}
	return list
}

// Undefined implements [flow.Visitor].
func (w *walker) Undefined() *value {
	return &value{lost: "a constant that a function takes from the attributes of its call"}
}

// Operator implements [flow.Visitor] by the rule of the operator.
func (w *walker) Operator(g *onnx.Graph, n *onnx.Node, operands []*value) []*value {
	c := &call{walker: w, node: n, in: operands, label: label(n)}
	out := c.apply()
	for len(out) < len(n.Outputs) {
		out = append(out, &value{})
	}
	for k, name := range n.Outputs {
		if name == "" {
			continue
		}
		if out[k] == nil {
			out[k] = &value{}
		}
		out[k] = w.declare(out[k], g.Value(name), c.label)
		if g == w.model.Graph && out[k].ranked {
			w.named = append(w.named, named{name, out[k].axes})
		}
	}
	return out
}

// declare adds what the file says about the shape of a value.
func (w *walker) declare(v *value, d onnx.Value, label string) *value {
	if d.Shape == nil || v.items != nil {
		return v
	}
	if !v.ranked || len(v.axes) != len(d.Shape) {
		reason := v.lost
		if reason == "" {
			reason = label + ", whose result has another shape in the file"
		}
		w.freezeAll(v, reason)
		declared := w.declared(d, reason)
		declared.numbers = v.numbers
		return declared
	}
	for i, dim := range d.Shape {
		if x := w.find(v.axes[i]); dim.Len > 0 && w.list[x].size == unknown && w.list[x].division == whole {
			w.list[x].size = dim.Len
		}
	}
	return v
}

func (w *walker) freezeAll(v *value, reason string) {
	if v == nil {
		return
	}
	for _, x := range v.axes {
		w.freeze(x, reason)
	}
	for _, item := range v.items {
		w.freezeAll(item, reason)
	}
}

// label names an operator for reasons.
func label(n *onnx.Node) string {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 {
		name = n.Outputs[0]
	}
	return fmt.Sprintf("%s %q", n.Op(), name)
}

// call is an operator with its operands.
type call struct {
	*walker
	node  *onnx.Node
	in    []*value // nil if missing
	label string
}

// rule unites the axes of the operands and of the results of an operator, and returns the results.
type rule func(c *call) []*value

// rules are the known operators. An operator that is not among them freezes the axes of all its operands.
var rules = map[string]rule{}

// register adds the rule of some operators.
func register(r rule, operators ...string) {
	for _, op := range operators {
		rules[op] = r
	}
}

func (c *call) apply() []*value {
	r := rules[c.node.Op()]
	if r == nil {
		return c.opaque("which is not known here")
	}
	out := r(c)
	if len(out) > 0 && out[0] != nil && out[0].numbers == nil {
		out[0].numbers = c.numbers()
	}
	return out
}

// opaque freezes all operands; results have unknown shapes.
func (c *call) opaque(why string) []*value {
	return c.lose(c.label + ", " + why)
}

// lose is opaque with the whole reason.
func (c *call) lose(reason string) []*value {
	for _, v := range c.in {
		c.freezeAll(v, reason)
	}
	out := make([]*value, len(c.node.Outputs))
	for k := range out {
		out[k] = &value{lost: reason}
	}
	return out
}

// operand returns an operand with a known number of axes, or nil.
func (c *call) operand(i int) *value {
	if i >= len(c.in) || c.in[i] == nil || !c.in[i].ranked {
		return nil
	}
	return c.in[i]
}

// has reports whether an optional operand is there.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// unranked is the result of an operator of whose operands one has no known shape.
func (c *call) unranked() []*value {
	for _, v := range c.in {
		if v != nil && !v.ranked && v.lost != "" {
			return c.lose(v.lost)
		}
	}
	return c.opaque("where an operand has an unexpected or unknown shape")
}

// fresh returns a class that nothing else depends on; frozen if reason is not "".
func (c *call) fresh(size int64, reason string) int { return c.addFrozen(size, reason) }

// position freezes an axis in which elements depend on their neighbours or on their index, and returns its counterpart in
// the result.
func (c *call) position(axis int, size int64) int {
	c.freeze(axis, positional+c.label)
	return c.addFrozen(size, positional+c.label)
}

// positional begins the reason of an axis whose order has a meaning.
const positional = "the order has a meaning for "

// of returns a result with known axes.
func of(axes ...int) *value { return &value{axes: axes, ranked: true} }

// same returns a result with the axes of a value.
func same(v *value) *value {
	return &value{axes: slices.Clone(v.axes), ranked: v.ranked}
}

// uniteWith is unite for this operator.
func (c *call) uniteWith(x, y int) { c.unite(x, y, c.label) }

// integer returns an attribute, or its default.
func (c *call) integer(name string, otherwise int64) int64 {
	if list := c.node.Ints[name]; len(list) == 1 {
		return list[0]
	}
	return otherwise
}

// axisOf returns the attribute axis, or its default, for a value of rank axes; ok is false if it is none of them.
func (c *call) axisOf(otherwise int64, rank int) (axis int, ok bool) {
	return within(c.integer("axis", otherwise), rank)
}

// within returns an axis, which may be counted from the end.
func within(axis int64, rank int) (int, bool) {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), axis >= 0 && axis < int64(rank)
}

// listed returns integers that an attribute or, in later operator sets, an operand has; ok is false if they are not known,
// and given if there are any.
func (c *call) listed(attribute string, operand int) (list []int64, given, ok bool) {
	if list, given = c.node.Ints[attribute]; given {
		return list, true, true
	}
	if !c.has(operand) {
		return nil, false, true
	}
	list, ok = known(c.parameter(operand))
	if !ok && len(c.in[operand].axes) == 1 && c.size(c.in[operand].axes[0]) == 0 {
		return nil, false, true
	}
	return list, true, ok
}

// known returns numbers that are all known, at least one.
func known(numbers []number) (list []int64, ok bool) {
	for _, n := range numbers {
		if !n.known {
			return nil, false
		}
		list = append(list, n.n)
	}
	return list, len(numbers) > 0
}

// sizeOf returns the size of a class as a number.
func (c *call) sizeOf(x int) number {
	if n := c.size(x); n != unknown {
		return number{known: true, n: n, class: -1}
	}
	return number{class: c.find(x)}
}

// resolve returns a number whose class has become known.
func (c *call) resolve(n number) number {
	if !n.known && n.class >= 0 {
		return c.sizeOf(n.class)
	}
	return n
}

// broadcast unites the axes of operands as ONNX broadcasts them, and returns those of the result.
func (c *call) broadcast(operands ...[]int) []int {
	rank := 0
	for _, axes := range operands {
		rank = max(rank, len(axes))
	}
	result := make([]int, rank)
	for k := range result {
		at, first := rank-1-k, -1
		for _, axes := range operands {
			i := len(axes) - 1 - k
			switch {
			case i < 0 || c.size(axes[i]) == 1:
			case first < 0:
				first = axes[i]
			default:
				c.uniteWith(first, axes[i])
			}
		}
		if first < 0 {
			first = c.fresh(1, "")
		}
		result[at] = first
	}
	return result
}
