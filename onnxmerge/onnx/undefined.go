package onnx

// Undefined returns the names that operators or outputs take and that nothing gives: no tensor, no input and no operator of
// their graph or of one around it. They are in the order of the file, each once. Runtimes refuse such a model.
func (m *Model) Undefined() []string {
	var names []string
	seen := map[string]bool{"": true}
	for g := range m.Bodies() {
		take := func(name string) {
			if !seen[name] && !m.gives(g, name) {
				seen[name] = true
				names = append(names, name)
			}
		}
		tensors, taken := m.NamedTensors(g), make([]bool, g.Names()) // by number
		for i := range g.Nodes {
			n := &g.Nodes[i]
			inputs, _ := g.Numbers(n)
			for k, number := range inputs {
				switch {
				case number < 0:
					take(n.Inputs[k])
				case !taken[number] && g.names.producers[number] == 0 && tensors[number] == nil:
					take(n.Inputs[k])
					taken[number] = true
				}
			}
		}
		for _, out := range g.Outputs {
			take(out.Name)
		}
	}
	return names
}

// gives reports whether a name stands for a value in g, or in a graph around it.
func (m *Model) gives(g *Graph, name string) bool {
	if t, n, _ := m.Resolve(g, name); t != nil || n != nil {
		return true
	}
	for ; g != nil; g = g.outer {
		for _, in := range g.Inputs {
			if in.Name == name {
				return true
			}
		}
	}
	return false
}
