package pair

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// builder makes a form.
type builder struct {
	model     *onnx.Model
	form      *form
	functions map[string]*onnx.Graph // by scope
	depth     int                    // of calls
	normed    map[*onnx.Node]*norm
}

func newForm(m *onnx.Model) *form {
	b := &builder{model: m, form: &form{}, functions: map[string]*onnx.Graph{}, normed: map[*onnx.Node]*norm{}}
	for _, f := range m.Functions {
		b.functions[f.Scope] = f
	}
	for g := range m.Bodies() {
		b.markNormed(g)
	}
	names := scope{values: map[string]*value{}}
	for i, in := range m.Graph.Inputs {
		names.values[in.Name] = &value{up: hashOf("input", uint64(i))}
	}
	b.body(m.Graph, names)
	return b.form
}

// scope has the values that a body can name: its own, and those of what is around it.
type scope struct {
	values map[string]*value
	around *scope
	// enter makes what a value from around is inside of the body; nil leaves it.
	enter func(*value) *value
}

func (s scope) lookup(name string) *value {
	if v := s.values[name]; v != nil || s.around == nil {
		return v
	}
	v := s.around.lookup(name)
	if v != nil && v.kind == data && s.enter != nil {
		v = s.enter(v)
		s.values[name] = v
	}
	return v
}

// body adds the operators of g. It returns the values of the graph's outputs.
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

// captured finds a tensor of a graph around g.
func (b *builder) captured(g *onnx.Graph, name string) *value {
	if t, _, _ := b.model.Resolve(g, name); t != nil {
		return leaf(t)
	}
	return &value{kind: constant}
}

// leaf is the value of a tensor. Integers and their like are constants, which do not
// tell weights apart: exporters compute them, fold them or make attributes of them.
func leaf(t *onnx.Tensor) *value {
	if !t.DType.IsFloat() || t.Indices != nil {
		return &value{kind: constant}
	}
	v := view{tensor: t, shape: t.Dims, perm: make([]int, len(t.Dims))}
	for i := range v.perm {
		v.perm[i] = i
	}
	return &value{kind: weight, view: v}
}

// control adds an If, Loop or Scan. What its bodies compute is told apart by the body.
func (b *builder) control(n *onnx.Node, ins []*value, names *scope) []*value {
	edge := func(name string, ins ...*value) *value {
		return b.form.add(&op{name: name, node: n, bounded: true}, ins)
	}
	entry := edge(n.OpType, onlyData(ins)...)
	results := []*value{entry}
	for i, sub := range n.Subgraphs {
		inner := scope{values: map[string]*value{}, around: names, enter: func(v *value) *value {
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
		// The elements and their order stay; how they are grouped does not tell weights apart.
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
		outs[k] = out // parts of one result are not told apart
	}
	return outs
}

// operator adds an operator of the given name, made from n.
func (b *builder) operator(name string, n *onnx.Node, ins []*value) *value {
	return b.form.add(&op{name: name, node: n, norm: b.normed[n]}, ins)
}

// maxCalls bounds functions that call each other.
const maxCalls = 16

func functionScope(n *onnx.Node) string { return "functions/" + n.Domain + "." + n.OpType }

// call adds the operators of a function, each time that it is called.
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

// gemm takes Gemm apart: MatMul with a view of the weight, and Add.
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

// norm takes a normalisation apart: what it scales and shifts by are operands of Mul and
// Add, as where an exporter writes it with plain operators.
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
