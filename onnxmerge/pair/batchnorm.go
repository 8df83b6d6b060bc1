package pair

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const batchNorm = "BatchNormalization"

// norm is a BatchNormalization downstream of operators that have weights.
type norm struct {
	node  *onnx.Node
	graph *onnx.Graph
}

// markBatchNorms follows the inputs of every BatchNormalization upstream to the operator that has the weights, and
// marks the operators on the way.
func (b *builder) markBatchNorms(g *onnx.Graph) {
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
		for range maxNodesBetween {
			var further []string
			for _, name := range next {
				n := from[name]
				if n == nil || b.batchNorms[n] != nil {
					continue
				}
				b.batchNorms[n] = behind
				switch n.OpType {
				case "Add": // a bias only: the sum of two branches cannot be folded into either
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

// normalises reports whether the operator is a BatchNormalization, or calls a function that contains one.
func (b *builder) normalises(n *onnx.Node) bool {
	if n.OpType == batchNorm {
		return true
	}
	f := b.functions[functionScope(n)]
	return f != nil && slices.ContainsFunc(f.Nodes, func(n onnx.Node) bool { return n.OpType == batchNorm })
}

// maxNodesBetween bounds the nodes between an operator with weights and its BatchNormalization.
const maxNodesBetween = 8
