package pair

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// builder makes the reduced graph of a model.
type builder struct {
	model      *onnx.Model
	graph      *reduced
	functions  map[string]*onnx.Graph // by scope
	depth      int                    // nested calls of functions
	batchNorms map[*onnx.Node]*norm
}

func newReduced(m *onnx.Model) *reduced {
	b := &builder{model: m, graph: &reduced{}, functions: map[string]*onnx.Graph{}, batchNorms: map[*onnx.Node]*norm{}}
	for _, f := range m.Functions {
		b.functions[f.Scope] = f
	}
	for g := range m.Bodies() {
		b.markBatchNorms(g)
	}
	names := scope{values: map[string]*value{}}
	for i, in := range m.Graph.Inputs {
		names.values[in.Name] = &value{up: hashOf("input", uint64(i))}
	}
	b.body(m.Graph, names)
	return b.graph
}

// scope maps the names visible in a body to values: the body's own and those of the enclosing scopes.
type scope struct {
	values map[string]*value
	outer  *scope
	// enter returns the value inside of the body for a data value of the enclosing scope; nil keeps the value.
	enter func(*value) *value
}

func (s scope) lookup(name string) *value {
	if v := s.values[name]; v != nil || s.outer == nil {
		return v
	}
	v := s.outer.lookup(name)
	if v != nil && v.kind == data && s.enter != nil {
		v = s.enter(v)
		s.values[name] = v
	}
	return v
}

// body adds the operators of g and returns the values of its outputs.
func (b *builder) body(g *onnx.Graph, names scope) []*value {
	lookup := func(name string) *value {
		if name == "" {
			return nil
		}
		if t := b.model.LookupIn(g.Scope, name); t != nil {
			return leaf(t)
		}
		if v := names.lookup(name); v != nil {
			return v
		}
		return b.captured(g, name)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		ins := make([]*value, len(n.Inputs))
		for k, name := range n.Inputs {
			ins[k] = lookup(name)
		}
		var outs []*value
		if len(n.Subgraphs) > 0 {
			outs = b.control(n, ins, &names)
		} else {
			outs = b.node(n, ins, g.Scope)
		}
		for k, name := range n.Outputs {
			if k < len(outs) {
				names.values[name] = outs[k]
			}
		}
	}
	var results []*value
	for _, o := range g.Outputs {
		if v := lookup(o.Name); v != nil {
			results = append(results, v)
		}
	}
	return results
}

// captured returns the tensor of that name in a graph enclosing g.
func (b *builder) captured(g *onnx.Graph, name string) *value {
	if t, _, _ := b.model.Resolve(g, name); t != nil {
		return leaf(t)
	}
	return &value{kind: constant}
}

// leaf returns the value of a stored tensor. Tensors that are not floating point are constants, which do not
// contribute to colours: exporters compute them, fold them or turn them into attributes.
func leaf(t *onnx.Tensor) *value {
	if !t.DType.IsFloat() || t.Indices != nil {
		return &value{kind: constant}
	}
	v := permuted{tensor: t, shape: t.Dims, perm: make([]int, len(t.Dims))}
	for i := range v.perm {
		v.perm[i] = i
	}
	return &value{kind: weight, permuted: v}
}

// control adds an If, Loop or Scan. The edges into and out of each body carry the operator and the body's index, so
// that colours differ between bodies.
func (b *builder) control(n *onnx.Node, ins []*value, names *scope) []*value {
	edge := func(name string, ins ...*value) *value {
		return b.graph.add(&op{name: name, node: n, bounded: true}, ins)
	}
	entry := edge(n.OpType, onlyData(ins)...)
	results := []*value{entry}
	for i, sub := range n.Subgraphs {
		inner := scope{values: map[string]*value{}, outer: names, enter: func(v *value) *value {
			return edge(fmt.Sprintf("%s enters %d", n.OpType, i), v, entry)
		}}
		for k, in := range sub.Inputs {
			inner.values[in.Name] = edge(fmt.Sprintf("%s input %d of %d", n.OpType, k, i), entry)
		}
		results = append(results, onlyData(b.body(sub, inner))...)
	}
	result := edge("result of "+n.OpType, results...)
	outs := make([]*value, len(n.Outputs))
	for k := range outs {
		outs[k] = edge(fmt.Sprintf("%s output %d", n.OpType, k), result)
	}
	return outs
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

// node adds one operator and returns its outputs.
func (b *builder) node(n *onnx.Node, ins []*value, scope string) []*value {
	first := func() *value {
		if len(ins) == 0 || ins[0] == nil {
			return &value{kind: constant}
		}
		return ins[0]
	}
	switch n.OpType {
	case "Constant":
		return []*value{b.constantNode(n, scope)}
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
	if f := b.functions[functionScope(n)]; f != nil && b.depth < maxCalls {
		return b.call(f, ins)
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

// maxCalls bounds the depth of nested function calls, which a malformed file can make endless.
const maxCalls = 16

func functionScope(n *onnx.Node) string { return "functions/" + n.Domain + "." + n.OpType }

// call inlines the operators of a function.
func (b *builder) call(f *onnx.Graph, ins []*value) []*value {
	b.depth++
	defer func() { b.depth-- }()
	names := map[string]*value{}
	for i, in := range f.Inputs {
		if i < len(ins) && ins[i] != nil {
			names[in.Name] = ins[i]
		}
	}
	return b.body(f, scope{values: names})
}

func (b *builder) constantNode(n *onnx.Node, scope string) *value {
	if len(n.Outputs) > 0 {
		if t := b.model.LookupIn(scope, n.Outputs[0]); t != nil {
			return leaf(t)
		}
	}
	return &value{kind: constant}
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
