package align

import (
	"bytes"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// value is what is known of a value of the graph: the class of each axis, and of small tensors of integers, which
// shapes are made of, the elements.
type value struct {
	axes    []int
	ranked  bool // whether axes says the number of axes; false if it is not known
	numbers []number
	tensor  *onnx.Tensor // whose elements it has; nil if it is computed
	uniform bool         // whether they are all equal
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

// Tensor implements [flow.Visitor]. Long integers and booleans are indices, sizes and masks; shorter ones may be
// weights. A tensor of equal elements fits any permutation, so that it unites nothing: it has other axes at each use.
func (w *walker) Tensor(t *onnx.Tensor) *value {
	v := w.tensors[t]
	if v == nil {
		v = &value{ranked: true, tensor: t, numbers: integers(t), uniform: isUniform(t)}
		w.tensors[t] = v
	}
	if v.axes != nil && !v.uniform {
		return v
	}
	dims, reason := t.Dims, w.fixed(t)
	if t.Indices != nil {
		dims = t.DenseDims
	}
	var axes []int
	for _, n := range dims {
		axes = append(axes, w.addFrozen(n, reason))
	}
	if v.uniform {
		return &value{ranked: true, axes: axes, tensor: t, numbers: v.numbers, uniform: true}
	}
	v.axes = axes
	return v
}

// fixed returns why elements of a tensor keep their place; "" if they may move.
func (w *walker) fixed(t *onnx.Tensor) string {
	switch {
	case w.tensors[t].uniform:
		return ""
	case t.Indices != nil:
		return "it is sparse"
	case !t.DType.IsFloat() && t.DType.Bits() >= 32 || t.DType == onnx.Bool:
		return "the integers of " + t.ID()
	case !t.Replaceable() || t.DType.Bits()%8 != 0:
		return "its elements cannot be permuted where they are stored"
	}
	return ""
}

// isUniform reports whether all elements of a dense tensor are equal.
func isUniform(t *onnx.Tensor) bool {
	const elements = 1024
	size := int64(t.DType.Bits() / 8)
	if t.Indices != nil || !t.Readable() || size == 0 || t.Len() == 0 {
		return false
	}
	var first []byte
	for off := int64(0); off < t.SizeBytes(); off += elements * size {
		chunk := make([]byte, min(elements*size, t.SizeBytes()-off))
		if t.ReadAt(chunk, off) != nil {
			return false
		}
		if first == nil {
			first = bytes.Clone(chunk[:size])
		}
		if !bytes.Equal(chunk, bytes.Repeat(first, len(chunk)/int(size))) {
			return false
		}
	}
	return true
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

// Constant implements [flow.ConstantVisitor]: a number or a list of integers.
func (w *walker) Constant(n *onnx.Node) *value {
	v := of()
	list, found := n.Ints["value_int"]
	if !found {
		if list, found = n.Ints["value_ints"]; found {
			v.axes = append(v.axes, w.addFrozen(int64(len(list)), positional+label(n)))
		}
	}
	if _, isFloat := n.Floats["value_float"]; !found && !isFloat {
		return w.Undefined()
	}
	for _, i := range list {
		v.numbers = append(v.numbers, number{known: true, n: i, class: -1})
	}
	return v
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
