package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Resized is a tensor of a classifier that has another number of classes in the other checkpoint.
type Resized struct {
	Mapped
	Dims []int64 // that it has there

	axis int // along which they differ from the tensor's
}

// classAxis is the axis of a value that has the classes: counted from the end if it is negative. Only weights count from
// the front, and the results of convolutions, whose axis is 1.
type classAxis struct {
	axis    int
	classes int64
	weight  bool
	pooled  bool // the axes behind it have the length 1
}

const (
	lastAxis    = -1
	channelAxis = 1
)

// elementwise are operators that take any number of classes, and keep their axis.
var elementwise = map[string]bool{"Identity": true, "Softmax": true, "LogSoftmax": true, "Sigmoid": true, "Tanh": true, "Relu": true,
	"LeakyRelu": true, "Elu": true, "Gelu": true, "Cast": true, "Neg": true, "Exp": true, "Log": true, "Dropout": true, "Clip": true,
	"Softplus": true, "HardSigmoid": true}

// resizer follows a changed number of classes from the weights of a classifier to the model's outputs.
type resizer struct {
	model   *onnx.Model
	uses    *graphUses
	tensors map[*onnx.Tensor]*Resized
	changed map[string]classAxis // values of the main graph
}

// resize takes the entries whose sources have another shape in the other checkpoint as the weights of a classifier with
// another number of classes. It refuses all of them, with the reason, if the model does not allow that.
func (b *Bound) resize(entries []*Mapped) error {
	if len(entries) == 0 {
		return nil
	}
	r := &resizer{model: b.Model, uses: findUses(b.Model), tensors: map[*onnx.Tensor]*Resized{}, changed: map[string]classAxis{}}
	why := ""
	for _, e := range entries {
		dims, err := b.values.dims(e.Expression)
		if err == nil {
			err = r.add(e, dims)
		}
		if err != nil && why == "" {
			why = err.Error()
		}
	}
	if why == "" {
		if err := r.follow(); err != nil {
			why = err.Error()
		}
	}
	for _, e := range entries {
		if why == "" {
			b.Resized = append(b.Resized, r.tensors[e.Tensor])
			continue
		}
		b.refuse(e, fmt.Sprintf("%s, and it is not replaced as the head of other classes: %s",
			otherShape(e.Expression, b.base, b.values.lookup), why))
	}
	if why != "" {
		return nil
	}
	return b.findOutputs(r)
}

// add takes a tensor with the shape that it has in the other checkpoint.
func (r *resizer) add(e *Mapped, dims []int64) error {
	t := e.Tensor
	axis := -1
	for i := range dims {
		if len(dims) == len(t.Dims) && dims[i] != t.Dims[i] {
			if axis >= 0 {
				return fmt.Errorf("%q differs in several axes", t.ID())
			}
			axis = i
		}
	}
	isInput := func(v onnx.Value) bool { return v.Name == t.Name }
	switch {
	case axis < 0:
		return fmt.Errorf("%q has %v in place of %v", t.ID(), dims, t.Dims)
	case t.Scope != "" || t.Site != onnx.Initializer && t.Site != onnx.Constant || len(e.uses) > 0:
		return fmt.Errorf("%q is shared, or not a weight of the main graph", t.ID())
	case slices.ContainsFunc(r.model.Graph.Optional, isInput):
		return fmt.Errorf("%q is an input of the model, too", t.ID())
	}
	r.tensors[t] = &Resized{Mapped: *e, Dims: dims, axis: axis}
	r.changed[t.Name] = classAxis{axis: axis, classes: dims[axis], weight: true}
	return nil
}

// follow finds all values whose shape changes, or an operator that does not allow it.
func (r *resizer) follow() error {
	g := r.model.Graph
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if !slices.ContainsFunc(n.Inputs, func(name string) bool { _, is := r.changed[name]; return is }) {
			continue
		}
		out, ok := r.result(n)
		if !ok {
			return fmt.Errorf("the operator %s that gives %q does not take another number of classes", n.OpType,
				strings.Join(n.Outputs, ", "))
		}
		r.changed[n.Outputs[0]] = out
	}
	for inner, by := range r.uses.consumers {
		for name := range by {
			if _, is := r.changed[name]; !is || inner == g {
				continue
			}
			if _, _, in := r.model.Resolve(inner, name); in == g {
				return fmt.Errorf("the sub-graph %s reads %q", inner.Scope, name)
			}
		}
	}
	for t := range r.tensors {
		if r.uses.outputs[t] {
			return fmt.Errorf("%q is an output of the model", t.ID())
		}
	}
	return nil
}

// result returns the axis of classes of an operator's result; false if the operator does not allow it, or its operands do
// not agree.
func (r *resizer) result(n *onnx.Node) (classAxis, bool) {
	none := classAxis{}
	x, fromValue := r.operand(n, 0)
	switch op := n.Op(); op {
	case "Gemm":
		w, ok := r.operand(n, 1)
		rows := 1
		if slices.Equal(n.Ints["transB"], []int64{1}) {
			rows = 0
		}
		return classAxis{axis: lastAxis, classes: w.classes},
			!fromValue && ok && w.weight && w.axis == rows && r.fitsBias(n, 2, w.classes)
	case "MatMul":
		w, ok := r.operand(n, 1)
		return classAxis{axis: lastAxis, classes: w.classes}, !fromValue && ok && w.weight && w.axis == r.rank(n.Inputs[1])-1 && w.axis > 0
	case "Conv":
		w, ok := r.operand(n, 1)
		one := len(n.Ints["group"]) == 0 || n.Ints["group"][0] == 1
		return classAxis{axis: channelAxis, classes: w.classes}, !fromValue && ok && w.weight && w.axis == 0 && one && r.fitsBias(n, 2, w.classes)
	case "Add", "Sub", "Mul", "Div":
		return r.combined(n)
	case "Transpose":
		if x.weight {
			x.axis = slices.Index(r.order(n), int64(x.axis))
			return x, x.axis >= 0
		}
		return none, false
	case "GlobalAveragePool", "GlobalMaxPool":
		return classAxis{axis: channelAxis, classes: x.classes, pooled: true}, !x.weight && x.axis == channelAxis
	case "Flatten":
		first := len(n.Ints["axis"]) == 0 || n.Ints["axis"][0] == 1
		return classAxis{axis: lastAxis, classes: x.classes}, x.pooled && first
	default:
		for slot := 1; slot < len(n.Inputs); slot++ {
			if _, is := r.operand(n, slot); is {
				return none, false
			}
		}
		return x, elementwise[op] && len(n.Outputs) == 1
	}
}

func (r *resizer) operand(n *onnx.Node, slot int) (classAxis, bool) {
	if slot >= len(n.Inputs) {
		return classAxis{}, false
	}
	c, ok := r.changed[n.Inputs[slot]]
	return c, ok
}

// fitsBias reports whether an operand, if it is there, is a bias for each of the classes.
func (r *resizer) fitsBias(n *onnx.Node, slot int, classes int64) bool {
	if slot >= len(n.Inputs) || n.Inputs[slot] == "" {
		return true
	}
	b, changed := r.operand(n, slot)
	if !changed {
		return r.isNumber(n.Inputs[slot])
	}
	return b.weight && b.classes == classes && b.axis == r.rank(n.Inputs[slot])-1
}

// combined returns the result of an operator of two operands, of which one at least has the axis of classes.
func (r *resizer) combined(n *onnx.Node) (classAxis, bool) {
	a, isA := r.operand(n, 0)
	b, isB := r.operand(n, 1)
	if a.weight || !isA {
		a, b, isA, isB = b, a, isB, isA
		n = &onnx.Node{Inputs: []string{n.Inputs[1], n.Inputs[0]}}
	}
	switch {
	case !isA || a.weight || len(n.Inputs) != 2:
		return a, false
	case !isB:
		return a, r.isNumber(n.Inputs[1])
	case b.weight:
		return a, a.classes == b.classes && a.axis == lastAxis && b.axis == r.rank(n.Inputs[1])-1
	}
	return a, a.classes == b.classes && a.axis == b.axis
}

// isNumber reports whether a value is a tensor of one element.
func (r *resizer) isNumber(name string) bool {
	t := r.uses.tensor(r.model.Graph, name)
	return t != nil && t.Len() == 1
}

// rank returns the number of axes of a weight.
func (r *resizer) rank(name string) int {
	if t := r.uses.tensor(r.model.Graph, name); t != nil {
		return len(t.Dims)
	}
	return 0
}

// order returns the axes that a Transpose of a weight takes.
func (r *resizer) order(n *onnx.Node) []int64 {
	if perm := n.Ints["perm"]; len(perm) > 0 {
		return perm
	}
	var perm []int64
	for i := r.rank(n.Inputs[0]) - 1; i >= 0; i-- {
		perm = append(perm, int64(i))
	}
	return perm
}

// findOutputs sets the outputs with the new number of classes, and what they are computed from.
func (b *Bound) findOutputs(r *resizer) error {
	values, err := flow.New(b.Model)
	if err != nil {
		return err
	}
	var names []string
	for _, out := range b.Model.Graph.Outputs {
		out.Shape = slices.Clone(out.Shape)
		if c, is := r.changed[out.Name]; is && len(out.Shape) > 0 {
			axis := c.axis
			if axis < 0 {
				axis += len(out.Shape)
			}
			if axis >= len(out.Shape) {
				return fmt.Errorf("output %q has the shape %v", out.Name, out.Shape)
			}
			out.Shape[axis] = onnx.Dim{Len: c.classes}
		}
		names = append(names, out.Name)
		b.outputs = append(b.outputs, out)
	}
	b.needed = values.Upstream(names...)
	for t := range r.tensors {
		delete(b.needed, t.Name)
	}
	return nil
}

// addResized adds the tensors of other classes under their names, and declares the outputs as they become.
func (b *Bound) addResized(c *onnx.Change) error {
	if len(b.Resized) == 0 {
		return nil
	}
	for _, e := range b.Resized {
		a, err := b.values.evaluate(e.Expression, e.Tensor.DType)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.Tensor.ID(), err)
		}
		c.Add.Initializer(e.Tensor.Name, e.Tensor.DType, e.Dims, a.data)
	}
	c.Needed, c.Undeclared = b.needed, true
	for _, out := range b.outputs {
		c.Add.Output(out)
	}
	return nil
}
