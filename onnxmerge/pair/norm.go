package pair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const batchNorm = "BatchNormalization"

// norm is a BatchNormalization behind operators that have weights.
type norm struct {
	node  *onnx.Node
	graph *onnx.Graph
}

// markNormed follows the inputs of every BatchNormalization back to the operator that
// has the weights.
func (b *builder) markNormed(g *onnx.Graph) {
	from := map[string]*onnx.Node{}
	for i := range g.Nodes {
		for _, out := range g.Nodes[i].Outputs {
			from[out] = &g.Nodes[i]
		}
	}
	for i := range g.Nodes {
		if !b.normalises(&g.Nodes[i]) {
			continue
		}
		behind := &norm{&g.Nodes[i], g}
		next := behind.node.Inputs[:min(1, len(behind.node.Inputs))]
		for range maxBetween {
			var further []string
			for _, name := range next {
				n := from[name]
				if n == nil || b.normed[n] != nil {
					continue
				}
				b.normed[n] = behind
				switch n.OpType {
				case "Add": // of a bias: the sum of two branches is not folded into either
					if slices.ContainsFunc(n.Inputs, func(in string) bool { t, _, _ := b.model.Resolve(g, in); return t != nil }) {
						further = append(further, n.Inputs...)
					}
				case "Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast":
					further = append(further, n.Inputs...)
				}
			}
			next = further
		}
	}
}

// normalises reports whether the operator is a BatchNormalization, or a function with one.
func (b *builder) normalises(n *onnx.Node) bool {
	if n.OpType == batchNorm {
		return true
	}
	f := b.functions[functionScope(n)]
	return f != nil && slices.ContainsFunc(f.Nodes, func(n onnx.Node) bool { return n.OpType == batchNorm })
}

// maxBetween bounds the operators between weights and their normalisation.
const maxBetween = 8
