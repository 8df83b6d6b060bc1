package graph

import (
	"fmt"

	onnx "github.com/owulveryck/onnx-go"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/traverse"
)

// WeightGraph is the graph of values of a model's main graph: one gonum node per
// tensor value, an edge from each output of an operator to each of its inputs, its
// weight the input's slot. It is built by onnx-go from a skeleton of the file, so
// it holds structure and names and no payload. An operator that takes one value in
// two slots has one edge, of the first slot; [Graph.Nodes] has them all.
type WeightGraph struct {
	*simple.WeightedDirectedGraph
	ids       map[string]int64
	names     map[int64]string
	consumers map[string][]Use
}

// Use is one place where a value is consumed.
type Use struct {
	Node int // index into Graph.Nodes
	Slot int // index into Node.Inputs, -1 if a sub-graph of the node captures it
}

// Weights builds the weight graph of the model's main graph.
func (m *Model) Weights() (*WeightGraph, error) {
	b := &builder{WeightGraph: WeightGraph{
		WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0),
		ids:                   map[string]int64{},
		names:                 map[int64]string{},
		consumers:             map[string][]Use{},
	}}
	if len(m.Graph.Nodes) == 0 {
		return &b.WeightGraph, nil // onnx-go refuses a graph without nodes
	}
	if err := b.decode(skeleton(m.Graph)); err != nil {
		return nil, formatf("weight graph: %v", err)
	}
	for i, n := range m.Graph.Nodes {
		for slot, name := range n.Inputs {
			if name != "" {
				b.consumers[name] = append(b.consumers[name], Use{i, slot})
			}
		}
		for _, name := range captured(&n) {
			b.consumers[name] = append(b.consumers[name], Use{i, -1})
		}
	}
	return &b.WeightGraph, nil
}

// Consumers returns where the value with the given name is used, in node order.
func (w *WeightGraph) Consumers(name string) []Use { return w.consumers[name] }

// Value returns the gonum node of the value with the given name.
func (w *WeightGraph) Value(name string) (n gonum.Node, ok bool) {
	id, ok := w.ids[name]
	if !ok {
		return nil, false
	}
	return w.Node(id), true
}

// Needs returns the names of all values that the value with the given name is
// computed from, itself included.
func (w *WeightGraph) Needs(name string) map[string]bool {
	needs := map[string]bool{}
	if from, ok := w.Value(name); ok {
		walk := traverse.DepthFirst{Visit: func(n gonum.Node) { needs[w.names[n.ID()]] = true }}
		walk.Walk(w, from, nil)
	}
	return needs
}

// builder is the onnx-go backend that fills a WeightGraph.
type builder struct {
	WeightGraph
}

// value is a node of the graph that learns its name from onnx-go.
type value struct {
	gonum.Node
	owner *builder
}

// SetName implements onnx.Namer.
func (v value) SetName(name string) {
	v.owner.ids[name] = v.ID()
	v.owner.names[v.ID()] = name
}

// GetName implements onnx.Namer.
func (v value) GetName() string { return v.owner.names[v.ID()] }

// NewNode implements onnx.Backend.
func (b *builder) NewNode() gonum.Node {
	return value{b.WeightedDirectedGraph.NewNode(), b}
}

// ApplyOperation implements onnx.Backend. The operators are known from the file's
// own walk, so nothing is left to record.
func (b *builder) ApplyOperation(onnx.Operation, ...gonum.Node) error { return nil }

// decode runs onnx-go over the skeleton. Its panics on graphs that no runtime would
// accept either (a node that feeds itself) become errors.
func (b *builder) decode(skeleton []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return onnx.NewModel(b).UnmarshalBinary(skeleton)
}

var (
	_ onnx.Backend = (*builder)(nil)
	_ onnx.Namer   = value{}
)
