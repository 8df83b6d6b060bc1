package graph

import "slices"

// Place is where a tensor is used.
type Place struct {
	// Depth says how far from the model's input the first operator that uses the tensor
	// is: 0 for the first layer, 1 for the last. It counts operators with a weight of two
	// axes or more on the longest path that leads there, because these are what exporters
	// agree on: they write biases and normalisations in several ways. Such a vector has the
	// depth of the layer before it.
	Depth float64
	Ops   []string // the kinds of operators that use it, sorted
}

// Places returns where each tensor of the model is used. A tensor inside of a sub-graph
// has the depth of the operator that holds it; one in a function, or unused, has depth
// 0.
func (m *Model) Places() map[*Tensor]Place {
	uses := map[*Node][]*Tensor{}
	ops := map[*Tensor][]string{}
	for o := range m.Operands() {
		uses[o.Node] = append(uses[o.Node], o.Tensor)
		if !carriers[o.Node.OpType] { // what it hands on is used elsewhere
			ops[o.Tensor] = append(ops[o.Tensor], o.Node.OpType)
		}
	}
	steps := map[*Tensor]int{}
	deepest := m.Graph.countSteps(uses, steps)
	places := map[*Tensor]Place{}
	for _, t := range m.Tensors {
		slices.Sort(ops[t])
		p := Place{Ops: slices.Compact(ops[t])}
		if n := steps[t]; n > 1 {
			p.Depth = float64(n-1) / float64(deepest-1)
		}
		places[t] = p
	}
	return places
}

// countSteps sets for every tensor how many layers lie on the longest path to its first
// use, its own included, and returns the most there are. Nodes of a
// valid model are in topological order; in another, a value that comes later counts as
// none.
func (g *Graph) countSteps(uses map[*Node][]*Tensor, steps map[*Tensor]int) int {
	reached := map[string]int{} // by value
	deepest := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		at := 0
		for _, name := range append(captured(n), n.Inputs...) {
			at = max(at, reached[name])
		}
		used := n.weights(uses, nil)
		if slices.ContainsFunc(used, (*Tensor).isMatrix) && !carriers[n.OpType] {
			at++
		}
		for _, t := range used {
			if first, seen := steps[t]; (!seen || at < first) && !carriers[n.OpType] {
				steps[t] = at
			}
		}
		deepest = max(deepest, at)
		for _, name := range n.Outputs {
			reached[name] = at
		}
	}
	return deepest
}

// isMatrix reports whether a tensor is a weight of two axes or more.
func (t *Tensor) isMatrix() bool {
	axes := 0
	for _, d := range t.Dims {
		if d > 1 {
			axes++
		}
	}
	return t.DType.IsFloat() && axes > 1
}

// weights appends the tensors that a node and its sub-graphs use.
func (n *Node) weights(uses map[*Node][]*Tensor, list []*Tensor) []*Tensor {
	list = append(list, uses[n]...)
	for _, g := range n.Subgraphs {
		for i := range g.Nodes {
			list = g.Nodes[i].weights(uses, list)
		}
	}
	return list
}
