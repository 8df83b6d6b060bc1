package pair

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// builder makes the reduced graph of a model during a [flow.Walk].
type builder struct {
	model      *onnx.Model
	graph      *reduced
	batchNorms map[*onnx.Node]*norm
}

func newReduced(m *onnx.Model) *reduced {
	b := &builder{model: m, graph: &reduced{}, batchNorms: map[*onnx.Node]*norm{}}
	for g := range m.Bodies() {
		b.markBatchNorms(g)
	}
	flow.Walk(m, b)
	return b.graph
}

// Input implements flow.Visitor.
func (b *builder) Input(i int, _ onnx.Value) *value { return &value{up: hashOf("input", uint64(i))} }

// Undefined implements flow.Visitor.
func (b *builder) Undefined() *value { return &value{kind: constant} }

// Tensor implements flow.Visitor. Tensors that are not floating point are constants, which do not contribute to
// colours: exporters compute them, fold them or turn them into attributes.
func (b *builder) Tensor(t *onnx.Tensor) *value {
	if !t.DType.IsFloat() || t.Indices != nil {
		return &value{kind: constant}
	}
	v := permuted{tensor: t, shape: t.Dims, perm: make([]int, len(t.Dims))}
	for i := range v.perm {
		v.perm[i] = i
	}
	return &value{kind: weight, permuted: v}
}

// Enter implements flow.Visitor. The edges into and out of each body carry the operator and the body's index, so that
// colours differ between bodies.
func (b *builder) Enter(n *onnx.Node, operands []*value) *value {
	return b.edge(n, n.OpType, onlyData(operands)...)
}

// BodyInput implements flow.Visitor.
func (b *builder) BodyInput(at flow.Body[*value], i int, _ *value) *value {
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

// Operator implements flow.Visitor.
func (b *builder) Operator(_ *onnx.Graph, n *onnx.Node, ins []*value) []*value {
	first := func() *value {
		if len(ins) == 0 || ins[0] == nil {
			return &value{kind: constant}
		}
		return ins[0]
	}
	switch n.OpType {
	case "Shape", "Size":
		return []*value{{kind: constant}}
	case "Transpose":
		if v := first(); v.kind == weight {
			return []*value{v.transposed(n.Ints["perm"])}
		}
	case "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand", "Tile", "Cast", "CastLike":
		// The order of the elements is unchanged, and colours ignore their grouping.
		if v := first(); v.kind == weight {
			return []*value{v}
		}
	case "Gemm":
		if len(ins) > 1 {
			return b.gemm(n, ins)
		}
	case "LayerNormalization", "GroupNormalization", "InstanceNormalization", "RMSNormalization":
		if len(ins) > 0 {
			return b.norm(n, ins)
		}
	}
	if aliases[n.OpType] {
		return []*value{first()}
	}
	out := b.operator(n.OpType, n, ins)
	outs := make([]*value, len(n.Outputs))
	for k := range outs {
		outs[k] = out // all outputs have one colour
	}
	return outs
}

// operator adds an operator of the given name for node n.
func (b *builder) operator(name string, n *onnx.Node, ins []*value) *value {
	return b.graph.add(&op{name: name, node: n, norm: b.batchNorms[n]}, ins)
}

// gemm decomposes Gemm into MatMul, with the weight's axes permuted for transA and transB, and Add.
func (b *builder) gemm(n *onnx.Node, ins []*value) []*value {
	x, w := ins[0], ins[1]
	if w != nil && w.kind == weight && isSet(n, "transB") {
		w = w.transposed(nil)
	}
	if x != nil && x.kind == weight && isSet(n, "transA") {
		x = x.transposed(nil)
	}
	out := b.operator("MatMul", n, []*value{x, w})
	if len(ins) > 2 && ins[2] != nil {
		out = b.operator("Add", n, []*value{out, ins[2]})
	}
	return []*value{out}
}

// norm decomposes a normalisation: its scale and shift become operands of Mul and Add, as some exporters write them.
func (b *builder) norm(n *onnx.Node, ins []*value) []*value {
	out := ins[0]
	for k, name := range []string{"Mul", "Add"} {
		if len(ins) > k+1 && ins[k+1] != nil {
			out = b.operator(name, n, []*value{out, ins[k+1]})
		}
	}
	return []*value{out}
}

func isSet(n *onnx.Node, attribute string) bool {
	list := n.Ints[attribute]
	return len(list) == 1 && list[0] != 0
}
