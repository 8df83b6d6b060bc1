package repair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Positionwise reports whether the sites of a stage can be measured on some positions of values, such as points or
// pixels, alone: whether all operators from these values on compute each position by itself. The values have a number
// of axes, of which the first two are batch and channels.
func (s *Stage) Positionwise(from []string, axes int) bool {
	alike := map[string]bool{} // values with the positions of from
	stop := map[string]bool{}
	for _, name := range from {
		alike[name], stop[name] = true, true
	}
	var ends []string
	for _, x := range s.Sites {
		if x.At().Last {
			return false
		}
		ends = append(ends, x.At().Value)
	}
	needed := s.graph.upstream(ends, stop)
	tensors := map[string]*onnx.Tensor{}
	for _, t := range s.graph.model.Tensors {
		if t.Scope == "" {
			tensors[t.Name] = t
		}
	}
	for _, i := range s.graph.order {
		n := &s.graph.model.Graph.Nodes[i]
		if !slices.ContainsFunc(n.Outputs, func(out string) bool { return needed[out] && s.graph.live[out] }) {
			continue
		}
		if !s.graph.positionwise(n, alike, tensors, axes) {
			return false
		}
		for _, out := range n.Outputs {
			alike[out] = true
		}
	}
	return !slices.ContainsFunc(ends, func(end string) bool { return !alike[end] })
}

// elementwise are operators of one operand that compute each element by itself.
var elementwise = []string{"Abs", "Cast", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity",
	"LeakyRelu", "Log", "Mish", "Neg", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh"}

// broadcasting are operators that compute elements from those in the same place.
var broadcasting = []string{"Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Max", "Min", "Sum"}

// positionwise reports whether an operator computes each position by itself.
func (g *stagedGraph) positionwise(n *onnx.Node, alike map[string]bool, tensors map[string]*onnx.Tensor, axes int) bool {
	for _, name := range flow.Sources(n) {
		if g.live[name] && !alike[name] {
			return false
		}
	}
	switch op := n.Op(); {
	case slices.Contains(elementwise, op), op == "BatchNormalization":
		return alike[n.Inputs[0]]
	case op == "Conv":
		w := tensors[n.Inputs[1]]
		return alike[n.Inputs[0]] && w != nil && len(w.Dims) == axes && onlyOnes(w.Dims[2:]) && onlyOnes(n.Ints["strides"]) &&
			!slices.ContainsFunc(n.Ints["pads"], func(p int64) bool { return p != 0 })
	case slices.Contains(broadcasting, op):
		for _, name := range n.Inputs {
			if t := tensors[name]; !alike[name] && (t == nil || !samePerPosition(t.Dims, axes)) {
				return false
			}
		}
		return true
	}
	return false
}

func onlyOnes(list []int64) bool {
	return !slices.ContainsFunc(list, func(n int64) bool { return n != 1 })
}

// samePerPosition reports whether a tensor is the same at all positions when it is broadcast to some axes.
func samePerPosition(dims []int64, axes int) bool {
	first := max(0, 2-(axes-len(dims))) // of the axes of positions
	return len(dims) <= axes && (first >= len(dims) || onlyOnes(dims[first:]))
}
