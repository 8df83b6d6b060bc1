package flow

import (
	"iter"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Operand is a tensor as an operator takes it: directly, or through operators that only move or rename elements,
// such as Transpose.
type Operand struct {
	Tensor *onnx.Tensor
	Node   *onnx.Node
	Slot   int
}

// Sources returns the names of all values that an operator takes, those that its bodies capture included, in order
// and without the missing ones.
func Sources(n *onnx.Node) []string {
	names := slices.DeleteFunc(slices.Clone(n.Inputs), func(name string) bool { return name == "" })
	return append(names, captured(n)...)
}

// forwarding are operators whose result has the elements of their first input.
var forwarding = map[string]bool{
	"Identity": true, "Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true,
}

// maxForwarding bounds chains of forwarding operators, so that a cycle in a malformed graph ends.
const maxForwarding = 16

// Operands yields every operand of a [Walk] that is a tensor of the model, in the order of the operators. The operators
// of a function are yielded at each call.
func Operands(m *onnx.Model) iter.Seq[Operand] {
	v := &operandVisitor{}
	Walk(m, v)
	return slices.Values(v.found)
}

// operandVisitor computes which tensor's elements a value has; nil if those of none.
type operandVisitor struct {
	found []Operand
}

func (*operandVisitor) Input(int, onnx.Value) *onnx.Tensor                        { return nil }
func (*operandVisitor) Tensor(t *onnx.Tensor) *onnx.Tensor                        { return t }
func (*operandVisitor) Undefined() *onnx.Tensor                                   { return nil }
func (*operandVisitor) Capture(_ Body[*onnx.Tensor], t *onnx.Tensor) *onnx.Tensor { return t }

func (*operandVisitor) BodyInput(_ Body[*onnx.Tensor], _ int, t *onnx.Tensor) *onnx.Tensor { return t }

func (v *operandVisitor) Operator(_ *onnx.Graph, n *onnx.Node, operands []*onnx.Tensor) []*onnx.Tensor {
	v.add(n, operands)
	if forwarding[n.Op()] && len(operands) > 0 {
		return operands[:1]
	}
	return nil
}

func (v *operandVisitor) Enter(n *onnx.Node, operands []*onnx.Tensor) *onnx.Tensor {
	v.add(n, operands)
	return nil
}

func (*operandVisitor) Leave(*onnx.Node, *onnx.Tensor, [][]*onnx.Tensor) []*onnx.Tensor { return nil }

func (v *operandVisitor) add(n *onnx.Node, operands []*onnx.Tensor) {
	for slot, t := range operands {
		if t != nil {
			v.found = append(v.found, Operand{t, n, slot})
		}
	}
}

// Tensor returns the tensor whose elements the value called name in g has, directly or through forwarding
// operators; nil if there is none.
func Tensor(m *onnx.Model, g *onnx.Graph, name string) *onnx.Tensor {
	for range maxForwarding {
		if name == "" {
			return nil
		}
		t, n, in := m.Resolve(g, name)
		if t != nil || n == nil || !forwarding[n.Op()] || len(n.Inputs) == 0 {
			return t
		}
		g, name = in, n.Inputs[0]
	}
	return nil
}

// Variances returns the tensors that are running variances of a normalisation, which are never negative.
func Variances(m *onnx.Model) map[*onnx.Tensor]bool {
	found := map[*onnx.Tensor]bool{}
	isNorm := func(n *onnx.Node) bool { return n.Op() == "BatchNormalization" }
	if !calls(m, isNorm) {
		return found
	}
	for o := range Operands(m) {
		if isNorm(o.Node) && o.Slot == 4 {
			found[o.Tensor] = true
		}
	}
	return found
}

// calls reports whether a graph of the model has an operator for which is is true.
func calls(m *onnx.Model, is func(n *onnx.Node) bool) bool {
	for g := range m.Bodies() {
		for i := range g.Nodes {
			if is(&g.Nodes[i]) {
				return true
			}
		}
	}
	return false
}

// CountOps returns how many operators of one kind the model has, in all bodies.
func CountOps(m *onnx.Model, opType string) int {
	n := 0
	for g := range m.Bodies() {
		for i := range g.Nodes {
			if g.Nodes[i].OpType == opType {
				n++
			}
		}
	}
	return n
}
