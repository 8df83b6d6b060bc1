package flow

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Place is where a tensor is used.
type Place struct {
	// Depth is the distance from the model's input of the first operator that uses the tensor: 0 for the first layer, 1
	// for the last. It counts operators with a weight of two axes or more on the longest path that leads there, because
	// exporters agree on these and write biases and normalisations in several ways. Such a vector has the depth of
	// the layer before it.
	Depth float64
	Ops   []string // the kinds of operators that use it, sorted
}

// Places returns where each tensor of the model is used. A tensor inside of a sub-graph has the depth of the operator
// that has the sub-graph; one in a function, or unused, has depth 0.
func Places(m *onnx.Model) map[*onnx.Tensor]Place {
	uses := map[*onnx.Node][]*onnx.Tensor{}
	ops := map[*onnx.Tensor][]string{}
	for o := range Operands(m) {
		uses[o.Node] = append(uses[o.Node], o.Tensor)
		if !forwarding[o.Node.OpType] { // the forwarded elements are used elsewhere
			ops[o.Tensor] = append(ops[o.Tensor], o.Node.OpType)
		}
	}
	layers := map[*onnx.Tensor]int{}
	deepest := countLayers(m.Graph, uses, layers)
	places := map[*onnx.Tensor]Place{}
	for _, t := range m.Tensors {
		slices.Sort(ops[t])
		p := Place{Ops: slices.Compact(ops[t])}
		if n := layers[t]; n > 1 {
			p.Depth = float64(n-1) / float64(deepest-1)
		}
		places[t] = p
	}
	return places
}

// countLayers sets for every tensor the number of layers on the longest path to its first use, its own layer
// included, and returns the largest number. Nodes of a valid model are in topological order; in another, a value
// that comes later counts as 0.
func countLayers(g *onnx.Graph, uses map[*onnx.Node][]*onnx.Tensor, layers map[*onnx.Tensor]int) int {
	reached := map[string]int{} // by value
	deepest := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		at := 0
		for _, name := range Sources(n) {
			at = max(at, reached[name])
		}
		used := tensorsOf(n, uses, nil)
		if slices.ContainsFunc(used, isMatrix) && !forwarding[n.OpType] {
			at++
		}
		for _, t := range used {
			if first, seen := layers[t]; (!seen || at < first) && !forwarding[n.OpType] {
				layers[t] = at
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
func isMatrix(t *onnx.Tensor) bool {
	axes := 0
	for _, d := range t.Dims {
		if d > 1 {
			axes++
		}
	}
	return t.DType.IsFloat() && axes > 1
}

// tensorsOf appends the tensors that a node and its sub-graphs use.
func tensorsOf(n *onnx.Node, uses map[*onnx.Node][]*onnx.Tensor, list []*onnx.Tensor) []*onnx.Tensor {
	list = append(list, uses[n]...)
	for _, g := range n.Subgraphs {
		for i := range g.Nodes {
			list = tensorsOf(&g.Nodes[i], uses, list)
		}
	}
	return list
}
