package flow

import (
	"maps"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Visitor computes a V for each value of a model from the V of the values it is computed from; see [Walk]. The zero V
// stands for a missing optional operand.
type Visitor[V any] interface {
	// Input returns the V of an input of the main graph, with its index.
	Input(i int, in onnx.Value) V
	// Tensor returns the V of a stored tensor. It is called for every use of the tensor.
	Tensor(t *onnx.Tensor) V
	// Undefined returns the V of a name that nothing defines.
	Undefined() V
	// Operator returns the V of each output of an operator in g. Missing ones at the end are zero.
	Operator(g *onnx.Graph, n *onnx.Node, operands []V) []V
	// Enter returns a V for an If, Loop or Scan, before its bodies are walked.
	Enter(n *onnx.Node, operands []V) V
	// BodyInput returns the V of input i of a body. constant is the operand that the input is in every iteration, which
	// the body passes on unchanged, as exporters do with the weights of a recurrent layer; else it is the zero V.
	BodyInput(at Body[V], i int, constant V) V
	// Capture returns the V inside a body of a value of the enclosing scope.
	Capture(at Body[V], outer V) V
	// Leave returns the V of each output of an If, Loop or Scan from those of its bodies' outputs, one list per body.
	Leave(n *onnx.Node, entry V, results [][]V) []V
}

// ConstantVisitor is a [Visitor] that is told of the Constants of functions whose value is an attribute of the call. To
// others their names are undefined.
type ConstantVisitor[V any] interface {
	// Constant returns the V of a Constant, whose attribute has the value of the call.
	Constant(n *onnx.Node) V
}

// Body is a body of an If, Loop or Scan during a [Walk].
type Body[V any] struct {
	Node  *onnx.Node
	Index int // into Node.Subgraphs
	Entry V   // what Enter returned
}

// Walk visits the operators of a model in order: those of the main graph, of the bodies of If, Loop and Scan, and of
// model-local functions at each call, as if they were inlined. A name stands for the stored tensor of that name, else
// for what an operator or an input of the same graph defines, else for what the enclosing graphs define. Walk returns
// the V of each output of the model.
//
// Calls nested deeper than 16, and those after 2^18 inlined operators, which only malformed files have, are visited as
// operators.
func Walk[V any](m *onnx.Model, v Visitor[V]) []V {
	w := &walk[V]{Visitor: v, model: m, functions: map[string]*onnx.Graph{}}
	for _, f := range m.Functions {
		w.functions[f.Scope] = f
	}
	s := newScope[V](m, m.Graph)
	for i, in := range m.Graph.Inputs {
		s.define(in.Name, v.Input(i, in))
	}
	return w.graph(s)
}

const (
	maxCalls   = 16      // nested calls of functions
	maxInlined = 1 << 18 // operators of functions, over all calls
)

func functionScope(n *onnx.Node) string { return "functions/" + n.Domain + "." + n.OpType }

// walk is the state of one [Walk].
type walk[V any] struct {
	Visitor[V]
	model     *onnx.Model
	functions map[string]*onnx.Graph // by scope
	calls     []*onnx.Node           // nested calls at the current operator
	inlined   int                    // operators of functions so far
}

// scope has the values that operators and inputs of one graph define.
type scope[V any] struct {
	graph   *onnx.Graph
	tensors []*onnx.Tensor // by the numbers of names, as values; see onnx.Graph.Names
	values  []defined[V]
	others  map[string]V // of names that no operator of the graph has
	outer   *scope[V]    // nil for the main graph and functions
	body    Body[V]      // of which the scope is; unused if outer is nil
}

// defined is the V of a name, if it has one.
type defined[V any] struct {
	v  V
	ok bool
}

func newScope[V any](m *onnx.Model, g *onnx.Graph) *scope[V] {
	return &scope[V]{graph: g, tensors: m.NamedTensors(g), values: make([]defined[V], g.Names())}
}

// define sets the V of a name.
func (s *scope[V]) define(name string, v V) {
	if i, ok := s.graph.Number(name); ok {
		s.values[i] = defined[V]{v, true}
		return
	}
	if s.others == nil {
		s.others = map[string]V{}
	}
	s.others[name] = v
}

// lookup returns the V of a name that is not a tensor of the scope's graph.
func (w *walk[V]) lookup(s *scope[V], name string) (v V, ok bool) {
	if i, numbered := s.graph.Number(name); numbered {
		v, ok = s.values[i].v, s.values[i].ok
	} else {
		v, ok = s.others[name]
	}
	if ok || s.outer == nil {
		return v, ok
	}
	if v, ok = w.lookup(s.outer, name); ok {
		v = w.Capture(s.body, v)
		s.define(name, v)
	}
	return v, ok
}

// value returns the V of a name in the scope's graph.
func (w *walk[V]) value(s *scope[V], name string) V {
	if name == "" {
		var missing V
		return missing
	}
	if t := w.model.LookupIn(s.graph.Scope, name); t != nil {
		return w.Tensor(t)
	}
	if v, ok := w.lookup(s, name); ok {
		return v
	}
	if t, _, _ := w.model.Resolve(s.graph, name); t != nil { // of an enclosing graph
		return w.Tensor(t)
	}
	return w.Undefined()
}

// operand returns the V of an operand: that of [walk.value], without a search in the usual cases.
func (w *walk[V]) operand(s *scope[V], name string, number int32) V {
	if name == "" || number < 0 {
		return w.value(s, name)
	}
	if t := s.tensors[number]; t != nil {
		return w.Tensor(t)
	}
	if d := &s.values[number]; d.ok {
		return d.v
	}
	return w.value(s, name)
}

// graph visits the operators of a graph and returns the V of each output.
func (w *walk[V]) graph(s *scope[V]) []V {
	g := s.graph
	for i := range g.Nodes {
		n := w.bound(&g.Nodes[i])
		inputs, outputs := g.Numbers(n)
		if n.Op() == "Constant" && len(n.Inputs) == 0 { // a stored tensor, an attribute of the call, or undefined
			if c, ok := w.Visitor.(ConstantVisitor[V]); ok && len(g.Nodes[i].References) > 0 && len(n.Outputs) > 0 {
				s.define(n.Outputs[0], c.Constant(n))
			}
			continue
		}
		operands := make([]V, len(n.Inputs))
		for k, name := range n.Inputs {
			operands[k] = w.operand(s, name, inputs[k])
		}
		results := w.node(s, n, operands)
		for k, name := range n.Outputs {
			switch {
			case name == "" || k >= len(results):
			case outputs[k] < 0:
				s.define(name, results[k])
			default:
				s.values[outputs[k]] = defined[V]{results[k], true}
			}
		}
	}
	results := make([]V, len(g.Outputs))
	for k, out := range g.Outputs {
		results[k] = w.value(s, out.Name)
	}
	return results
}

// node visits one operator of a graph, the bodies inside it, or the function that it calls.
func (w *walk[V]) node(s *scope[V], n *onnx.Node, operands []V) []V {
	if len(n.Subgraphs) > 0 {
		entry := w.Enter(n, operands)
		results := make([][]V, len(n.Subgraphs))
		for i, sub := range n.Subgraphs {
			inner := newScope[V](w.model, sub)
			inner.outer, inner.body = s, Body[V]{n, i, entry}
			for k, in := range sub.Inputs {
				var constant V
				if k < len(operands) && isCarried(n, sub, k) {
					constant = operands[k]
				}
				inner.define(in.Name, w.BodyInput(inner.body, k, constant))
			}
			results[i] = w.graph(inner)
		}
		return w.Leave(n, entry, results)
	}
	f := w.functions[functionScope(n)]
	if f == nil || len(w.calls) == maxCalls || w.inlined+len(f.Nodes) > maxInlined {
		return w.Operator(s.graph, n, operands)
	}
	w.calls = append(w.calls, n)
	defer func() { w.calls = w.calls[:len(w.calls)-1] }()
	w.inlined += len(f.Nodes)
	inner := newScope[V](w.model, f)
	for i, in := range f.Inputs {
		if i < len(operands) {
			inner.define(in.Name, operands[i])
		}
	}
	return w.graph(inner)
}

// bound returns an operator of a function with the attributes that the call gives it.
func (w *walk[V]) bound(n *onnx.Node) *onnx.Node {
	if len(n.References) == 0 || len(w.calls) == 0 {
		return n
	}
	call := w.calls[len(w.calls)-1]
	c := *n
	c.Ints, c.Floats, c.Strings = maps.Clone(n.Ints), maps.Clone(n.Floats), maps.Clone(n.Strings)
	c.References = maps.Clone(n.References)
	for name, of := range n.References {
		if bind(&c.Ints, name, call.Ints, of) || bind(&c.Floats, name, call.Floats, of) ||
			bind(&c.Strings, name, call.Strings, of) {
			delete(c.References, name)
		}
	}
	return &c
}

// bind sets an attribute to that of the call; it reports whether the call has it.
func bind[T any](attributes *map[string]T, name string, call map[string]T, of string) bool {
	value, ok := call[of]
	if ok && *attributes == nil {
		*attributes = map[string]T{}
	}
	if ok {
		(*attributes)[name] = value
	}
	return ok
}

// isCarried reports whether the body of a Loop or Scan passes its input k on to the next iteration unchanged.
func isCarried(n *onnx.Node, body *onnx.Graph, k int) bool {
	out := k
	switch n.Op() {
	case "Loop": // inputs (iteration, condition, values...), outputs (condition, values..., scans...)
		out = k - 1
		if k < 2 {
			return false
		}
	case "Scan": // inputs (states..., scanned...), outputs (states..., scans...)
		if scanned := n.Ints["num_scan_inputs"]; len(scanned) != 1 || k >= len(body.Inputs)-int(scanned[0]) {
			return false
		}
	default:
		return false
	}
	if out >= len(body.Outputs) {
		return false
	}
	name := body.Outputs[out].Name
	for range maxForwarding {
		if name == body.Inputs[k].Name {
			return true
		}
		p := body.Producer(name)
		if p == nil || p.Op() != "Identity" || len(p.Inputs) != 1 {
			return false
		}
		name = p.Inputs[0]
	}
	return false
}
