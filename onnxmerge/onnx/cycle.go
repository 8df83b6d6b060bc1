package onnx

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
	for i, n := range g.Nodes {
		for _, name := range n.Inputs {
			if from, ok := g.producers[name]; ok && name != "" {
				waiting[i]++
				users[from] = append(users[from], i)
			}
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
	for i, n := range g.Nodes {
		for _, name := range n.Inputs {
			if from, ok := g.producers[name]; ok && from >= i && name != "" {
				return false
			}
		}
	}
	return true
}
