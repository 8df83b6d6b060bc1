package onnx

import "iter"

// checkCycles refuses a graph in which an operator depends on its own output. The order of operators is free, as it is
// for onnxruntime, but for such a graph there is none.
func (m *Model) checkCycles() error {
	for g := range m.Bodies() {
		if n := g.cycle(); n != nil {
			return formatf("operator %q (%s) depends on its own output", n.result(), n.OpType)
		}
	}
	return nil
}

// cycle returns an operator of a cycle; nil if there is none. It removes operators whose inputs are all known, until
// only cycles and what follows them are left.
func (g *Graph) cycle() *Node {
	if g.isOrdered() {
		return nil
	}
	waiting := make([]int, len(g.Nodes)) // inputs that are not known yet
	users := make([][]int, len(g.Nodes)) // operators by what they take from
	var ready []int
	for i := range g.Nodes {
		for from := range g.sources(i) {
			waiting[i]++
			users[from] = append(users[from], i)
		}
		if waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		last := len(ready) - 1
		i := ready[last]
		ready = ready[:last]
		for _, user := range users[i] {
			if waiting[user]--; waiting[user] == 0 {
				ready = append(ready, user)
			}
		}
	}
	for i, n := range waiting {
		if n > 0 {
			return &g.Nodes[i]
		}
	}
	return nil
}

// isOrdered reports whether every operator follows those that it takes from, so that there is no cycle.
func (g *Graph) isOrdered() bool {
	for i := range g.Nodes {
		for from := range g.sources(i) {
			if from >= i {
				return false
			}
		}
	}
	return true
}

// sources yields, for each input of operator i that an operator of g computes, that one's index.
func (g *Graph) sources(i int) iter.Seq[int] {
	return func(yield func(int) bool) {
		n := &g.Nodes[i]
		inputs, _ := g.Numbers(n)
		for k, name := range n.Inputs {
			if from := int(g.names.producers[inputs[k]]); from > 0 && name != "" && !yield(from-1) {
				return
			}
		}
	}
}
