package graph

import (
	"fmt"
	"iter"
	"strings"
)

// Operand is a tensor as an operator takes it: directly, or through operators that
// only move or rename elements, such as Transpose.
type Operand struct {
	Tensor *Tensor
	Node   *Node
	Slot   int
}

// carriers hand on the elements of their first input.
var carriers = map[string]bool{
	"Identity": true, "Transpose": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Flatten": true,
}

// Operands yields every operand that is a tensor of the model, in all bodies.
func (m *Model) Operands() iter.Seq[Operand] {
	return func(yield func(Operand) bool) {
		for g := range m.Bodies() {
			for i := range g.Nodes {
				n := &g.Nodes[i]
				for slot, name := range n.Inputs {
					if t := m.carried(g, name); t != nil && !yield(Operand{t, n, slot}) {
						return
					}
				}
			}
		}
	}
}

// carried returns the tensor that the value named name has its elements from, or nil.
func (m *Model) carried(g *Graph, name string) *Tensor {
	for range maxCarriers {
		if name == "" {
			return nil
		}
		t, from := m.resolve(g, name)
		if t != nil || from == nil || !carriers[from.node.OpType] || len(from.node.Inputs) == 0 {
			return t
		}
		g, name = from.graph, from.node.Inputs[0]
	}
	return nil
}

// maxCarriers bounds the chains of carriers, so that a loop in a broken graph ends.
const maxCarriers = 16

// producer is the operator that computes a value, and the body it is in.
type producer struct {
	node  *Node
	graph *Graph
}

// resolve finds what a name stands for in g or in the graphs around it: a tensor, or
// the operator that computes it, or neither.
func (m *Model) resolve(g *Graph, name string) (*Tensor, *producer) {
	for ; g != nil; g = g.outer {
		if t := m.LookupIn(g.Scope, name); t != nil {
			return t, nil
		}
		if n := g.producer(name); n != nil {
			return nil, &producer{n, g}
		}
	}
	return nil, nil
}

func (g *Graph) producer(name string) *Node {
	i, ok := g.producers[name]
	if !ok {
		return nil
	}
	return &g.Nodes[i]
}

// Quantized returns the tensors that make sense only together with others: the integers,
// scales and zero points of quantised operators. Each comes with the operator that
// says so. To average one of them alone would corrupt the weights.
func (m *Model) Quantized() map[*Tensor]string {
	found := map[*Tensor]string{}
	for o := range m.Operands() {
		if o.Node.quantizes(o.Slot) {
			found[o.Tensor] = fmt.Sprintf("%s[%d]", o.Node.OpType, o.Slot)
		}
	}
	return found
}

// quantizes reports whether the operand in slot is part of a quantised tensor.
func (n *Node) quantizes(slot int) bool {
	switch op := n.OpType; op {
	case "DequantizeLinear":
		return true
	case "QuantizeLinear":
		return slot > 0 // slot 0 is a real weight
	case "ConvInteger", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM",
		"MatMulNBits", "MatMulBnb4", "GatherBlockQuantized", "BlockQuantizeLinear", "QMoE", "QGemm", "QAttention",
		"QOrderedMatMul", "QEmbedLayerNormalization":
		return true
	default:
		return strings.HasPrefix(op, "QLinear") || strings.HasPrefix(op, "QOrdered")
	}
}

// Variances returns the tensors that are running variances of a normalisation, which
// are never negative.
func (m *Model) Variances() map[*Tensor]bool {
	found := map[*Tensor]bool{}
	for o := range m.Operands() {
		if o.Node.OpType == "BatchNormalization" && o.Slot == 4 {
			found[o.Tensor] = true
		}
	}
	return found
}

// CountOps returns how many operators of one kind the model has, in all bodies.
func (m *Model) CountOps(opType string) int {
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

// Resolve returns the tensor that a name stands for in g, which may be one of a graph
// around it, and whether there is one.
func (m *Model) Resolve(g *Graph, name string) (t *Tensor, ok bool) {
	t, _ = m.resolve(g, name)
	return t, t != nil
}
