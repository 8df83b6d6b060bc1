package flow

import (
	"math"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/simple"
)

// values is a gonum.WeightedDirected whose nodes are numbered from 0 on, with the edges of a node as a chain through
// one list of all edges. Package simple's graph takes several maps a node: a gigabyte for 200,000 weights.
type values struct {
	names   []string // by node
	ends    []chains // by node
	edges   []edge   // in the order of their creation
	looping bool     // an edge from a node to itself was left out
}

// chains has the youngest edge from a node and the youngest to it: an index into values.edges plus 1, 0 if there is none.
type chains struct{ from, to int32 }

// edge leads from a value to one that it is computed from.
type edge struct {
	from, to int32
	slot     int32
	older    chains // the edges before it, from its from and to its to
}

// valueNode is a node in gonum's form, which onnx-go names.
type valueNode struct {
	id    int64
	owner *values
}

// ID implements gonum.Node.
func (n valueNode) ID() int64 { return n.id }

// SetName implements onnxgo.Namer.
func (n valueNode) SetName(name string) { n.owner.names[n.id] = name }

// GetName implements onnxgo.Namer.
func (n valueNode) GetName() string { return n.owner.names[n.id] }

// NewNode implements gonum.NodeAdder. The node is in the graph at once.
func (v *values) NewNode() gonum.Node {
	v.names, v.ends = append(v.names, ""), append(v.ends, chains{})
	return valueNode{int64(len(v.names) - 1), v}
}

// AddNode implements gonum.NodeAdder.
func (v *values) AddNode(gonum.Node) {}

// NewWeightedEdge implements gonum.WeightedEdgeAdder.
func (v *values) NewWeightedEdge(from, to gonum.Node, weight float64) gonum.WeightedEdge {
	return simple.WeightedEdge{F: from, T: to, W: weight}
}

// SetWeightedEdge implements gonum.WeightedEdgeAdder. The edges from a node are set one after the other, as onnx-go does
// with the operands of an operator, so that a second one to the same node is found as the youngest there.
func (v *values) SetWeightedEdge(x gonum.WeightedEdge) {
	e := edge{from: int32(x.From().ID()), to: int32(x.To().ID()), slot: int32(x.Weight())}
	if e.from == e.to {
		v.looping = true
		return
	}
	e.older = chains{v.ends[e.from].from, v.ends[e.to].to}
	if i := e.older.to; i > 0 && v.edges[i-1].from == e.from {
		return
	}
	v.edges = append(v.edges, e)
	v.ends[e.from].from, v.ends[e.to].to = int32(len(v.edges)), int32(len(v.edges))
}

// direct calls yield with the nodes to which edges from id lead, or from which edges lead to id if up is false.
func (v *values) direct(id int64, up bool, yield func(id int64)) {
	if up {
		for i := v.ends[id].from; i > 0; i = v.edges[i-1].older.from {
			yield(int64(v.edges[i-1].to))
		}
		return
	}
	for i := v.ends[id].to; i > 0; i = v.edges[i-1].older.to {
		yield(int64(v.edges[i-1].from))
	}
}

// find returns the edge between two nodes; nil if there is none.
func (v *values) find(from, to int64) *edge {
	if v.Node(from) == nil {
		return nil
	}
	for i := v.ends[from].from; i > 0; i = v.edges[i-1].older.from {
		if int64(v.edges[i-1].to) == to {
			return &v.edges[i-1]
		}
	}
	return nil
}

// Node implements gonum.Graph.
func (v *values) Node(id int64) gonum.Node {
	if id < 0 || id >= int64(len(v.names)) {
		return nil
	}
	return valueNode{id, v}
}

// Nodes implements gonum.Graph.
func (v *values) Nodes() gonum.Nodes {
	list := make([]gonum.Node, len(v.names))
	for id := range list {
		list[id] = valueNode{int64(id), v}
	}
	return iterator.NewOrderedNodes(list)
}

// From implements gonum.Graph: the values that a value is computed from.
func (v *values) From(id int64) gonum.Nodes { return v.around(id, true) }

// To implements gonum.Directed: the values that are computed from a value.
func (v *values) To(id int64) gonum.Nodes { return v.around(id, false) }

func (v *values) around(id int64, up bool) gonum.Nodes {
	if v.Node(id) == nil {
		return gonum.Empty
	}
	var list []gonum.Node
	v.direct(id, up, func(id int64) { list = append(list, valueNode{id, v}) })
	return iterator.NewOrderedNodes(list)
}

// HasEdgeFromTo implements gonum.Directed.
func (v *values) HasEdgeFromTo(from, to int64) bool { return v.find(from, to) != nil }

// HasEdgeBetween implements gonum.Graph.
func (v *values) HasEdgeBetween(x, y int64) bool {
	return v.HasEdgeFromTo(x, y) || v.HasEdgeFromTo(y, x)
}

// Edge implements gonum.Graph.
func (v *values) Edge(from, to int64) gonum.Edge {
	if e := v.WeightedEdge(from, to); e != nil {
		return e
	}
	return nil
}

// WeightedEdge implements gonum.Weighted. The weight is the slot of the operand.
func (v *values) WeightedEdge(from, to int64) gonum.WeightedEdge {
	e := v.find(from, to)
	if e == nil {
		return nil
	}
	return v.NewWeightedEdge(valueNode{from, v}, valueNode{to, v}, float64(e.slot))
}

// Weight implements gonum.Weighted.
func (v *values) Weight(x, y int64) (w float64, ok bool) {
	if x == y && v.Node(x) != nil {
		return 0, true
	}
	if e := v.find(x, y); e != nil {
		return float64(e.slot), true
	}
	return math.Inf(1), false
}
