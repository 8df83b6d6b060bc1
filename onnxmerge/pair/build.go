package pair

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// builder makes the reduced graph of a model during a [flow.Walk].
type builder struct {
	graph  *reduced
	inputs map[string]uint64 // colours of the model's inputs
	// instanceNorms are the shifts of InstanceNormalizations with stored parameters.
	instanceNorms []*op
}

// newReduced makes the reduced graph of a model whose inputs have the given colours.
func newReduced(m *onnx.Model, inputs map[string]uint64) *reduced {
	b := &builder{graph: &reduced{ops: make([]*op, 0, len(m.Graph.Nodes)), uses: make([]*use, 0, len(m.Tensors))}, inputs: inputs}
	for _, v := range flow.Walk(m, b) {
		if v != nil {
			v.isOutput = true
		}
	}
	b.graph.prune()
	b.dropUnitNorms()
	return b.graph
}

// dropUnitNorms removes scales of 1 and shifts of 0 from InstanceNormalizations before another scale. Exporters write
// GroupNormalization as such a one, with its own parameters behind; some store the ones and zeros, others compute them.
func (b *builder) dropUnitNorms() {
	for _, shift := range b.instanceNorms {
		scale := shift.ins[0].op
		next := shift.out.only()
		for next != nil && next.passes() {
			next = next.out.only()
		}
		if len(shift.uses) != 1 || scale == nil || len(scale.uses) != 1 || next == nil || !next.isScale() ||
			!isFilled(scale.uses[0].tensor, 1) || !isFilled(shift.uses[0].tensor, 0) {
			continue
		}
		for _, o := range []*op{scale, shift} {
			b.graph.uses = slices.DeleteFunc(b.graph.uses, func(u *use) bool { return u.op == o })
			o.uses, o.transparent, o.out.root = nil, true, o.ins[0].from()
		}
	}
}

// isFilled reports whether all elements of a vector are x.
func isFilled(t *onnx.Tensor, x float64) bool {
	values, ok := vectorValues(t)
	return ok && !slices.ContainsFunc(values, func(v float64) bool { return v != x })
}

// inputColours returns the colours of both models' inputs. Inputs of one name have one colour, and so have the others
// in their order.
func inputColours(a, b *onnx.Model) (ofA, ofB map[string]uint64) {
	ofA, ofB = map[string]uint64{}, map[string]uint64{}
	rest := func(m, other *onnx.Model, colours map[string]uint64) {
		position := uint64(0)
		for _, in := range m.Graph.Inputs {
			if slices.ContainsFunc(other.Graph.Inputs, func(v onnx.Value) bool { return isSameInput(v, in) }) {
				colours[in.Name] = hashOf("input " + in.Name)
				continue
			}
			colours[in.Name] = hashOf("input", position)
			position++
		}
	}
	rest(a, b, ofA)
	rest(b, a, ofB)
	return ofA, ofB
}

// isSameInput reports whether two inputs have one name and no types that exclude each other.
func isSameInput(a, b onnx.Value) bool {
	isNumber := func(v onnx.Value) bool { return v.DType == onnx.DTypeUndefined || v.DType.IsFloat() }
	return a.Name == b.Name && (a.DType == b.DType || isNumber(a) && isNumber(b))
}

// Input implements flow.Visitor.
func (b *builder) Input(_ int, in onnx.Value) *value { return &value{up: b.inputs[in.Name]} }

// Undefined implements flow.Visitor.
func (b *builder) Undefined() *value { return &value{kind: constant} }

// Constant implements flow.ConstantVisitor: the factor of a call, such as that of addcmul, is known if it is 1, which
// changes nothing.
func (b *builder) Constant(n *onnx.Node) *value {
	return &value{kind: constant, isOne: n.Floats["value_float"] == 1}
}

// Tensor implements flow.Visitor. Tensors that are not floating point are constants, which do not contribute to
// colours: exporters compute them, fold them or turn them into attributes.
func (b *builder) Tensor(t *onnx.Tensor) *value {
	if !t.DType.IsFloat() || t.Indices != nil {
		return &value{kind: constant, permuted: &permuted{tensor: t}}
	}
	v := b.graph.memory.values.One()
	v.kind, v.permuted = weight, b.graph.memory.permuted.One()
	*v.permuted = permuted{tensor: t, shape: t.Dims, perm: b.graph.memory.order(len(t.Dims))}
	return v
}

// Enter implements flow.Visitor. The edges into and out of each body carry the operator and the body's index, so that
// colours differ between bodies.
func (b *builder) Enter(n *onnx.Node, operands []*value) *value {
	return b.edge(n, n.OpType, onlyData(operands)...)
}

// BodyInput implements flow.Visitor.
func (b *builder) BodyInput(at flow.Body[*value], i int, constant *value) *value {
	if constant != nil && constant.kind == weight {
		return constant
	}
	return b.edge(at.Node, fmt.Sprintf("%s input %d of %d", at.Node.OpType, i, at.Index), at.Entry)
}

// Capture implements flow.Visitor.
func (b *builder) Capture(at flow.Body[*value], outer *value) *value {
	if outer == nil || outer.kind != data {
		return outer
	}
	return b.edge(at.Node, fmt.Sprintf("%s enters %d", at.Node.OpType, at.Index), outer, at.Entry)
}

// Leave implements flow.Visitor.
func (b *builder) Leave(n *onnx.Node, entry *value, results [][]*value) []*value {
	ins := []*value{entry}
	for _, r := range results {
		ins = append(ins, onlyData(r)...)
	}
	result := b.edge(n, "result of "+n.OpType, ins...)
	outs := make([]*value, len(n.Outputs))
	for k := range outs {
		outs[k] = b.edge(n, fmt.Sprintf("%s output %d", n.OpType, k), result)
	}
	return outs
}

// edge adds an edge of a body as an operator.
func (b *builder) edge(n *onnx.Node, name string, ins ...*value) *value {
	return b.graph.add(&op{name: name, node: n, bounded: true}, ins)
}

func onlyData(values []*value) []*value {
	var out []*value
	for _, v := range values {
		if v != nil && v.kind == data {
			out = append(out, v)
		}
	}
	return out
}
