// Package flow models an ONNX graph as data flow: which values are computed from which.
//
// [New] builds the graph of values with onnx-go over gonum. onnx-go's decoder cannot write, knows few dtypes and fails
// on sub-graphs, so it gets a skeleton of the file: the same operators and names, no payloads, no attributes, and what
// sub-graphs capture as plain inputs. Versions that work together: onnx-go v0.5.0, gonum v0.17.0, gogo/protobuf v1.3.2,
// gorgonia.org/tensor v0.9.3 (v0.9.24 panics when the program starts).
//
// A [Graph] gives what is upstream and downstream of a value of the main graph. [Walk] computes something for every
// value from the values before it, by abstract interpretation with bodies and functions inlined: pairing its colours,
// [Places] the depth of each weight, [Operands] which operands are tensors, of which those that are quantised
// ([Quantized]) and running variances ([Variances]).
package flow

import (
	"fmt"
	"sync"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	gonum "gonum.org/v1/gonum/graph"
)

// Graph is the data flow of a model's main graph: one gonum node per tensor value, an edge from each output of an
// operator to each of its inputs, its weight the input's slot. An operator that takes one value in two slots has
// one edge, of the first slot; onnx.Graph.Nodes has them all. A Graph is safe for concurrent reading.
type Graph struct {
	gonum.WeightedDirected
	values    *values
	byName    *onnxgo.Model
	consumers func() map[string][]Use
}

// Use is one place where a value is consumed.
type Use struct {
	Node int // index into onnx.Graph.Nodes
	Slot int // index into Node.Inputs, -1 if a sub-graph of the node captures the value
}

// New builds the data flow of a model's main graph. The error is an onnx.FormatError.
func New(m *onnx.Model) (*Graph, error) {
	b := &builder{values: &values{}}
	g := &Graph{WeightedDirected: b.values, values: b.values, byName: onnxgo.NewModel(b),
		consumers: sync.OnceValue(func() map[string][]Use { return consumers(m.Graph) })}
	if len(m.Graph.Nodes) == 0 {
		return g, nil // onnx-go refuses a graph without nodes
	}
	if err := decode(g.byName, skeleton(m.Graph)); err != nil {
		return nil, onnx.FormatError(fmt.Sprintf("weight graph: %v", err))
	}
	if b.values.looping {
		return nil, onnx.FormatError("weight graph: an operator depends on its own output")
	}
	return g, nil
}

// consumers returns where each value of a graph is used, in node order.
func consumers(g *onnx.Graph) map[string][]Use {
	uses := map[string][]Use{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for slot, name := range n.Inputs {
			if name != "" {
				uses[name] = append(uses[name], Use{i, slot})
			}
		}
		for _, name := range captured(n) {
			uses[name] = append(uses[name], Use{i, -1})
		}
	}
	return uses
}

// Consumers returns where the value with the given name is used, in node order.
func (g *Graph) Consumers(name string) []Use { return g.consumers()[name] }

// Value returns the gonum node of the value with the given name.
func (g *Graph) Value(name string) (n gonum.Node, ok bool) { return g.byName.GetNodeByName(name) }

// Upstream returns the names of all values that one of the given values is computed from, these included.
func (g *Graph) Upstream(of ...string) map[string]bool { return g.walk(of, true) }

// Downstream returns the names of all values that are computed from one of the given values, these included.
func (g *Graph) Downstream(from ...string) map[string]bool { return g.walk(from, false) }

// walk collects the names of the values that edges lead to, by depth-first search.
func (g *Graph) walk(names []string, up bool) map[string]bool {
	reached := map[string]bool{}
	seen := make([]bool, len(g.values.names))
	var stack []int64
	reach := func(id int64) {
		if !seen[id] {
			seen[id] = true
			reached[g.values.names[id]] = true
			stack = append(stack, id)
		}
	}
	for _, name := range names {
		reached[name] = true
		if n, ok := g.Value(name); ok {
			reach(n.ID())
		}
	}
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		g.values.direct(id, up, reach)
	}
	return reached
}

// builder is the onnx-go backend that fills a Graph.
type builder struct{ *values }

// ApplyOperation implements onnxgo.Backend. Operators are known from package onnx, so there is nothing to record.
func (b *builder) ApplyOperation(onnxgo.Operation, ...gonum.Node) error { return nil }

// decode runs onnx-go over the skeleton. Its panics on graphs that no runtime accepts either become errors.
func decode(into *onnxgo.Model, skeleton []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return into.UnmarshalBinary(skeleton)
}

var (
	_ onnxgo.Backend = (*builder)(nil)
	_ onnxgo.Namer   = valueNode{}
)
