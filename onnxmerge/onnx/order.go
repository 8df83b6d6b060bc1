package onnx

import (
	"iter"
	"slices"
)

// orderOperators puts the operators of every graph into an order in which each follows those that it takes from, as the
// format demands. Some converters append operators instead, and onnxruntime accepts any order. The file keeps its own.
// A graph in which an operator depends on its own output has no such order and is refused.
func (m *Model) orderOperators() error {
	for g := range m.Bodies() {
		if m.isOrdered(g) {
			continue
		}
		order, of := m.order(g)
		if of != nil {
			return formatf("operator %q (%s) depends on its own output", of.result(), of.OpType)
		}
		g.reorder(order)
	}
	return nil
}

// isOrdered reports whether every operator of g follows those that it takes from.
func (m *Model) isOrdered(g *Graph) bool {
	var sources []int
	for i := range g.Nodes {
		sources = m.appendSources(sources[:0], g, i)
		if slices.ContainsFunc(sources, func(from int) bool { return from >= i }) {
			return false
		}
	}
	return true
}

// appendSources appends the indices of the operators of g from which operator i takes, or a graph inside it.
func (m *Model) appendSources(sources []int, g *Graph, i int) []int {
	n := &g.Nodes[i]
	inputs, _ := g.Numbers(n)
	for k, name := range n.Inputs {
		if from := int(g.names.producers[inputs[k]]); from > 0 && name != "" {
			sources = append(sources, from-1)
		}
	}
	for _, body := range n.Subgraphs {
		sources = m.appendCaptured(sources, g, body)
	}
	return sources
}

// appendCaptured appends the indices of the operators of g from which a graph inside g takes.
func (m *Model) appendCaptured(sources []int, g, inside *Graph) []int {
	for body := range inside.all() {
		capture := func(name string) {
			i, ok := g.Number(name)
			if !ok || name == "" || g.names.producers[i] == 0 {
				return
			}
			for b := body; b != g; b = b.outer {
				if b.Computes(name) || m.LookupIn(b.Scope, name) != nil || slices.ContainsFunc(b.Inputs, isNamed(name)) {
					return
				}
			}
			sources = append(sources, int(g.names.producers[i])-1)
		}
		for i := range body.Nodes {
			for _, name := range body.Nodes[i].Inputs {
				capture(name)
			}
		}
		for _, out := range body.Outputs {
			capture(out.Name)
		}
	}
	return sources
}

// all yields g and every graph inside it.
func (g *Graph) all() iter.Seq[*Graph] { return func(yield func(*Graph) bool) { g.bodies(yield) } }

func isNamed(name string) func(Value) bool { return func(v Value) bool { return v.Name == name } }

// order returns the operators of g so that each follows those that it takes from, else in the order of the file. of is
// an operator of a cycle; nil if there is none.
func (m *Model) order(g *Graph) (order []int, of *Node) {
	const unseen, begun, done = 0, 1, 2
	state := make([]byte, len(g.Nodes))
	order = make([]int, 0, len(g.Nodes))
	var waiting, sources []int // a stack: a chain may be as long as the file
	for i := range g.Nodes {
		waiting = append(waiting, i)
		for len(waiting) > 0 {
			at := waiting[len(waiting)-1]
			if state[at] != unseen {
				waiting = waiting[:len(waiting)-1]
				if state[at] == begun {
					state[at] = done
					order = append(order, at)
				}
				continue
			}
			state[at] = begun
			sources = m.appendSources(sources[:0], g, at)
			slices.Reverse(sources) // the first on top
			for _, from := range sources {
				if state[from] == begun {
					return nil, &g.Nodes[from]
				}
				waiting = append(waiting, from)
			}
		}
	}
	return order, nil
}

// reorder puts the operators into another order.
func (g *Graph) reorder(order []int) {
	nodes, place := make([]Node, len(order)), make([]int32, len(order)+1)
	for to, from := range order {
		nodes[to], place[from+1] = g.Nodes[from], int32(to)+1
	}
	for i, producer := range g.names.producers {
		g.names.producers[i] = place[producer]
	}
	g.Nodes = nodes
}
