package flow

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Quantized returns the tensors that have a meaning only together with others: the integers, scales and zero points
// of quantised operators, each with the operator and the slot that show it. A number that multiplies the result of an
// integer operator, or the scale of a dynamically quantised operand, is such a scale. Averaging one of them alone would
// corrupt the weights, so a merge copies them where both models agree and refuses them otherwise.
func Quantized(m *onnx.Model) map[*onnx.Tensor]string {
	v := &quantVisitor{found: map[*onnx.Tensor]string{}}
	if calls(m, func(n *onnx.Node) bool { return n.Op() == "DynamicQuantizeLinear" || isQuantized(n.OpType, 1) }) {
		Walk(m, v)
	}
	return v.found
}

// quantum is what a value is to quantised operators.
type quantum struct {
	tensor   *onnx.Tensor // whose elements the value has; nil if none's
	from     string       // the integer operator whose result, or the quantiser whose scale, the value is; "" if neither's
	isScaled bool         // the value is such a result times a scale
}

// quantVisitor computes the quantum of each value.
type quantVisitor struct {
	found map[*onnx.Tensor]string
}

func (*quantVisitor) Input(int, onnx.Value) quantum                              { return quantum{} }
func (*quantVisitor) Tensor(t *onnx.Tensor) quantum                              { return quantum{tensor: t} }
func (*quantVisitor) Undefined() quantum                                         { return quantum{} }
func (*quantVisitor) Capture(_ Body[quantum], outer quantum) quantum             { return outer }
func (*quantVisitor) BodyInput(_ Body[quantum], _ int, constant quantum) quantum { return constant }
func (*quantVisitor) Leave(*onnx.Node, quantum, [][]quantum) []quantum           { return nil }
func (*quantVisitor) Enter(*onnx.Node, []quantum) quantum                        { return quantum{} }

func (v *quantVisitor) Operator(_ *onnx.Graph, n *onnx.Node, operands []quantum) []quantum {
	for slot, o := range operands {
		if o.tensor != nil && isQuantized(n.OpType, slot) {
			v.found[o.tensor] = fmt.Sprintf("%s[%d]", n.OpType, slot)
		}
	}
	switch {
	case (forwarding[n.Op()] || n.Op() == "Cast") && len(operands) > 0:
		return operands[:1]
	case n.Op() == "DynamicQuantizeLinear": // (quantised, scale, zero point)
		return []quantum{{}, {from: n.Op()}, {}}
	case n.Op() == "ConvInteger" || n.Op() == "MatMulInteger":
		return []quantum{{from: n.Op()}}
	case n.Op() == "Mul" && len(operands) == 2:
		return []quantum{v.product(operands)}
	}
	return nil
}

// product records a stored scale of a quantised value, and returns the product.
func (v *quantVisitor) product(operands []quantum) quantum {
	for i, o := range operands {
		other := operands[1-i]
		if o.from == "" {
			continue
		}
		if t := other.tensor; t != nil && t.DType.IsFloat() && !o.isScaled {
			v.found[t] = "a scale of " + o.from
		}
		if o.from != "DynamicQuantizeLinear" {
			return quantum{from: o.from, isScaled: true}
		}
		if other.tensor != nil {
			return quantum{from: o.from} // a scale times a scale
		}
	}
	return quantum{}
}

// isQuantized reports whether an operator's operand in slot is part of a quantised tensor.
func isQuantized(op string, slot int) bool {
	switch op {
	case "DequantizeLinear":
		return true
	case "QuantizeLinear":
		return slot > 0 // slot 0 is a real weight
	case "ConvInteger", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM",
		"MatMulNBits", "MatMulBnb4", "GatherBlockQuantized", "BlockQuantizeLinear", "QMoE", "QGemm", "QAttention",
		"QOrderedMatMul", "QEmbedLayerNormalization":
		return true
	}
	return strings.HasPrefix(op, "QLinear") || strings.HasPrefix(op, "QOrdered")
}
