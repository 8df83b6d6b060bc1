package mapping

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Own returns the floating-point initializers of a model's main graph as a checkpoint, under their names.
func Own(m *onnx.Model) (*checkpoint.Checkpoint, error) {
	var list []*checkpoint.Tensor
	for _, t := range m.Tensors {
		if t.Scope == m.Graph.Scope && t.Site == onnx.Initializer && isSupported(t.DType) && t.Readable() && t.Replaceable() {
			list = append(list, checkpoint.NewTensor(t.Name, t.DType, t.Dims, t.ReadAt))
		}
	}
	return checkpoint.New("ONNX", list)
}

// Named maps initializers of a model's main graph to the tensors of the same names in a checkpoint that [Own] gave, or that has
// others in their place. That an initializer is the parameter whose name it has is not proved.
func Named(m *onnx.Model, names []string) *Mapping {
	found := &Mapping{Model: m}
	for _, name := range names {
		found.Mapped = append(found.Mapped, &Mapped{Tensor: m.LookupIn(m.Graph.Scope, name),
			Expression: &Expression{Op: Tensor, Name: name}, Proof: "unproven: its name"})
	}
	return found
}

// StoredTransposed reports whether a matrix of a model, that a linear layer multiplies by, is stored as [in, out], and whether
// the operators that read it say so: MatMul and Gemm, directly or behind a Transpose.
func StoredTransposed(m *onnx.Model, name string) (transposed, known bool) {
	t := m.LookupIn(m.Graph.Scope, name)
	u := findUses(m)
	if t == nil || u.outputs[t] {
		return false, false
	}
	seen := map[bool]bool{}
	for _, x := range u.of(t) {
		n := &x.graph.Nodes[x.node]
		if isTranspose(n) {
			for _, c := range u.consumers[x.graph][n.Outputs[0]] {
				swapped, ok := readsTransposed(c.node, c.slot)
				if !ok {
					return false, false
				}
				seen[!swapped] = true
			}
			continue
		}
		swapped, ok := readsTransposed(n, x.slot)
		if !ok {
			return false, false
		}
		seen[swapped] = true
	}
	return seen[true], len(seen) == 1
}

// isTranspose reports whether an operator exchanges the axes of a matrix.
func isTranspose(n *onnx.Node) bool {
	return n.Op() == "Transpose" && len(n.Outputs) == 1 && (n.Ints["perm"] == nil || slices.Equal(n.Ints["perm"], []int64{1, 0}))
}

// readsTransposed reports whether an operator multiplies by an operand as a matrix [in, out], and whether it multiplies at all.
func readsTransposed(n *onnx.Node, slot int) (transposed, multiplies bool) {
	isSet := func(name string) bool { return !slices.Equal(n.Ints[name], []int64{0}) && n.Ints[name] != nil }
	switch op := n.Op(); {
	case op == "MatMul" && slot <= 1:
		return slot == 1, true
	case op == "Gemm" && slot == 0:
		return isSet("transA"), true
	case op == "Gemm" && slot == 1:
		return !isSet("transB"), true
	}
	return false, false
}
