package graph

import "slices"

// Operands returns the names of all values that the operator takes, also those that its
// bodies capture, in order and without the missing ones.
func (n *Node) Operands() []string {
	names := slices.DeleteFunc(slices.Clone(n.Inputs), func(name string) bool { return name == "" })
	return append(names, captured(n)...)
}

// Computes reports whether an operator of g computes the value with the given name.
func (g *Graph) Computes(name string) bool { return name != "" && g.producer(name) != nil }

// Downstream returns the names of all values of g that are computed from one of the given
// values, these included. Operators come in the order in which they run, as ONNX demands.
func (g *Graph) Downstream(from ...string) map[string]bool {
	reached := map[string]bool{}
	for _, name := range from {
		reached[name] = true
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if slices.ContainsFunc(n.Operands(), func(name string) bool { return reached[name] }) {
			for _, out := range n.Outputs {
				reached[out] = true
			}
		}
	}
	return reached
}

// Upstream returns the names of all values of g that one of the given values is computed
// from, these included.
func (g *Graph) Upstream(of ...string) map[string]bool {
	needed := map[string]bool{}
	for _, name := range of {
		needed[name] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		if slices.ContainsFunc(n.Outputs, func(name string) bool { return needed[name] }) {
			for _, in := range n.Operands() {
				needed[in] = true
			}
		}
	}
	return needed
}

// DeclaredFeatures finds the output that the model itself offers as what its head consumes:
// one called "features", or of several outputs the one that all others are computed from.
func (m *Model) DeclaredFeatures() (tensor string, ok bool) {
	outputs := m.Graph.Outputs
	if slices.ContainsFunc(outputs, func(o Value) bool { return o.Name == usualFeatures }) {
		return usualFeatures, true
	}
	if len(outputs) < 2 {
		return "", false
	}
	for _, o := range outputs {
		made := m.Graph.Downstream(o.Name)
		if m.Graph.Computes(o.Name) && !slices.ContainsFunc(outputs, func(other Value) bool { return !made[other.Name] }) {
			return o.Name, true
		}
	}
	return "", false
}

// OnlyFeatures finds the features of a model with one output: that output, unless it is a
// classifier's; then what the last layer with weights takes.
func (m *Model) OnlyFeatures() (tensor string, ok bool) {
	if len(m.Graph.Outputs) != 1 {
		return "", false
	}
	output := m.Graph.Outputs[0].Name
	if inner, found := m.classifierInput(output); found {
		return inner, true
	}
	return output, true
}

// usualFeatures is the output that exporters call what the head consumes.
const usualFeatures = "features"

// classifierInput finds what the last layer consumes, of an output that is a probability:
// made by Softmax, LogSoftmax or Sigmoid right behind a layer.
func (m *Model) classifierInput(output string) (tensor string, ok bool) {
	squashed := false
	for range maxCarriers {
		n := m.Graph.producer(output)
		if n == nil || len(n.Inputs) == 0 {
			return "", false
		}
		switch n.OpType {
		case "Softmax", "LogSoftmax", "Sigmoid":
			squashed = true
			output = n.Inputs[0]
		case "Identity", "Reshape", "Squeeze", "Flatten", "Cast":
			output = n.Inputs[0]
		case "Add": // the bias of a MatMul
			of := slices.DeleteFunc(n.Operands(), func(name string) bool { return m.carried(m.Graph, name) != nil })
			if len(of) != 1 {
				return "", false
			}
			output = of[0]
		case "Gemm", "MatMul":
			if !squashed || len(n.Inputs) < 2 || m.carried(m.Graph, n.Inputs[1]) == nil || m.Graph.producer(n.Inputs[0]) == nil {
				return "", false
			}
			return n.Inputs[0], true
		default:
			return "", false
		}
	}
	return "", false
}
