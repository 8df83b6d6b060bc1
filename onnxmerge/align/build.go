package align

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// builder makes a form.
type builder struct {
	model     *graph.Model
	form      *form
	functions map[string]*graph.Graph // by scope
	depth     int                     // of calls
	// normed are the operators whose results go straight into a BatchNormalization.
	// Exporters fold it into their weights, and then these are other weights.
	normed map[*graph.Node]bool
}

func newForm(m *graph.Model) *form {
	b := &builder{model: m, form: &form{}, functions: map[string]*graph.Graph{}, normed: map[*graph.Node]bool{}}
	for _, f := range m.Functions {
		b.functions[f.Scope] = f
	}
	for g := range m.Bodies() {
		b.markNormed(g)
	}
	names := map[string]*value{}
	for i, in := range m.Graph.Inputs {
		names[in.Name] = &value{up: hashOf("input", uint64(i))}
	}
	b.body(m.Graph, names)
	return b.form
}

// markNormed follows the inputs of every BatchNormalization back to the operator that
// has the weights.
func (b *builder) markNormed(g *graph.Graph) {
	from := map[string]*graph.Node{}
	for i := range g.Nodes {
		for _, out := range g.Nodes[i].Outputs {
			from[out] = &g.Nodes[i]
		}
	}
	for i := range g.Nodes {
		if !b.normalises(&g.Nodes[i]) {
			continue
		}
		next := g.Nodes[i].Inputs[:min(1, len(g.Nodes[i].Inputs))]
		for range maxBetween {
			var further []string
			for _, name := range next {
				n := from[name]
				if n == nil || b.normed[n] {
					continue
				}
				b.normed[n] = true
				switch n.OpType {
				case "Add", "Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast":
					further = append(further, n.Inputs...)
				}
			}
			next = further
		}
	}
}

// normalises reports whether the operator is a BatchNormalization, or a function with one.
func (b *builder) normalises(n *graph.Node) bool {
	if n.OpType == "BatchNormalization" {
		return true
	}
	f := b.functions[functionScope(n)]
	return f != nil && slices.ContainsFunc(f.Nodes, func(n graph.Node) bool { return n.OpType == "BatchNormalization" })
}

// maxBetween bounds the operators between weights and their normalisation.
const maxBetween = 8

// body adds the operators of g. names has the values that are known: inputs, and what
// g captures. It returns the values of the graph's outputs.
func (b *builder) body(g *graph.Graph, names map[string]*value) []*value {
	lookup := func(name string) *value {
		if name == "" {
			return nil
		}
		if t := b.model.LookupIn(g.Scope, name); t != nil {
			return leaf(t)
		}
		if v := names[name]; v != nil {
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
			outs = b.control(n, ins, names)
		} else {
			outs = b.node(n, ins, g.Scope)
		}
		for k, name := range n.Outputs {
			if k < len(outs) {
				names[name] = outs[k]
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
func (b *builder) captured(g *graph.Graph, name string) *value {
	if t, _ := b.model.Resolve(g, name); t != nil {
		return leaf(t)
	}
	return &value{kind: constant}
}

// leaf is the value of a tensor. Integers and their like are constants, which do not
// tell weights apart: exporters compute them, fold them or make attributes of them.
func leaf(t *graph.Tensor) *value {
	if !t.DType.IsFloat() || t.Indices != nil {
		return &value{kind: constant}
	}
	v := view{tensor: t, shape: t.Dims, perm: make([]int, len(t.Dims))}
	for i := range v.perm {
		v.perm[i] = i
	}
	return &value{kind: weight, view: v}
}

// control adds an If, Loop or Scan.
func (b *builder) control(n *graph.Node, ins []*value, names map[string]*value) []*value {
	up := hashOf(n.OpType)
	for _, in := range ins {
		if in != nil && in.kind == data {
			up = hashOf("operand", up, in.up)
		}
	}
	var outs []*value
	for i, sub := range n.Subgraphs {
		inner := map[string]*value{}
		for name, v := range names {
			inner[name] = v
		}
		for k, in := range sub.Inputs {
			inner[in.Name] = &value{up: hashOf("body input", up, uint64(i), uint64(k))}
		}
		// What the branches of one If compute is told apart by the branch.
		for name, v := range inner {
			if v.kind == data {
				inner[name] = &value{up: hashOf("enter", v.up, up, uint64(i))}
			}
		}
		for _, r := range b.body(sub, inner) {
			up = hashOf("result", up, uint64(i), r.up)
		}
	}
	for k := range n.Outputs {
		outs = append(outs, &value{up: hashOf("output", up, uint64(k))})
	}
	return outs
}

// node adds one operator and returns its outputs.
func (b *builder) node(n *graph.Node, ins []*value, scope string) []*value {
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
			return b.norm(ins)
		}
	}
	if f := b.functions[functionScope(n)]; f != nil && b.depth < maxCalls {
		return b.call(f, ins)
	}
	if aliases[n.OpType] {
		return []*value{first()}
	}
	name := n.OpType
	if b.normed[n] && (name == "Conv" || name == "ConvTranspose" || name == "MatMul") {
		name += " then BatchNormalization"
	}
	out := b.form.add(name, ins)
	outs := make([]*value, len(n.Outputs))
	for k := range outs {
		outs[k] = out // parts of one result are not told apart
	}
	return outs
}

// maxCalls bounds functions that call each other.
const maxCalls = 16

func functionScope(n *graph.Node) string { return "functions/" + n.Domain + "." + n.OpType }

// call adds the operators of a function, each time that it is called.
func (b *builder) call(f *graph.Graph, ins []*value) []*value {
	b.depth++
	defer func() { b.depth-- }()
	names := map[string]*value{}
	for i, in := range f.Inputs {
		if i < len(ins) && ins[i] != nil {
			names[in.Name] = ins[i]
		}
	}
	return b.body(f, names)
}

func (b *builder) constantNode(n *graph.Node, scope string) *value {
	if len(n.Outputs) > 0 {
		if t := b.model.LookupIn(scope, n.Outputs[0]); t != nil {
			return leaf(t)
		}
	}
	return &value{kind: constant}
}

// gemm takes Gemm apart: MatMul with a view of the weight, and Add.
func (b *builder) gemm(n *graph.Node, ins []*value) []*value {
	x, w := ins[0], ins[1]
	if w != nil && w.kind == weight && isSet(n, "transB") {
		w = w.transposed(nil)
	}
	if x != nil && x.kind == weight && isSet(n, "transA") {
		x = x.transposed(nil)
	}
	name := "MatMul"
	if b.normed[n] {
		name += " then BatchNormalization"
	}
	out := b.form.add(name, []*value{x, w})
	if len(ins) > 2 && ins[2] != nil {
		out = b.form.add("Add", []*value{out, ins[2]})
	}
	return []*value{out}
}

// norm takes a normalisation apart: what it scales and shifts by are operands of Mul and
// Add, as where an exporter writes it with plain operators.
func (b *builder) norm(ins []*value) []*value {
	out := ins[0]
	for k, name := range []string{"Mul", "Add"} {
		if len(ins) > k+1 && ins[k+1] != nil {
			out = b.form.add(name, []*value{out, ins[k+1]})
		}
	}
	return []*value{out}
}

func isSet(n *graph.Node, attribute string) bool {
	list := n.Ints[attribute]
	return len(list) == 1 && list[0] != 0
}
