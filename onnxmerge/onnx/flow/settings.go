package flow

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Settings returns the floating-point tensors that configure operators instead of being learned, each with an operator
// and the slot that show it: bounds, scales and fill values (Clip, Resize, Pad and others), the small number that is
// added before a square root, and the factors and offsets that are applied to a model's input before its first weight,
// such as Rescaling and normalisation by a data set's mean; a model without a weight of two axes has no such ones. A
// tensor that is used in another way too is not a setting.
func Settings(m *onnx.Model) map[*onnx.Tensor]string {
	v := &settingVisitor{hasMatrix: slices.ContainsFunc(m.Tensors, isMatrix), found: map[*onnx.Tensor]string{},
		others: map[*onnx.Tensor]bool{}, sums: map[*origin]*onnx.Tensor{}}
	Walk(m, v)
	for t := range v.others {
		delete(v.found, t)
	}
	return v.found
}

// settingSlots lists the operands that are settings by operator.
var settingSlots = map[string][]int{
	"Clip": {1, 2}, "Resize": {1, 2}, "Upsample": {1}, "Pad": {2}, "NonMaxSuppression": {3, 4}, "Dropout": {1},
	"Range": {0, 1, 2}, "OneHot": {2}, "ImageScaler": {1},
}

// origin is what a value is made of.
type origin struct {
	tensor *onnx.Tensor // whose elements the value has; nil if none's
	raw    bool         // it is an input of the model, moved, scaled or shifted only
}

// settingVisitor computes the origin of each value.
type settingVisitor struct {
	hasMatrix bool
	found     map[*onnx.Tensor]string
	others    map[*onnx.Tensor]bool    // with another use
	sums      map[*origin]*onnx.Tensor // a single number by the sum that it is a term of
}

func (v *settingVisitor) Input(int, onnx.Value) *origin { return &origin{raw: v.hasMatrix} }
func (*settingVisitor) Tensor(t *onnx.Tensor) *origin   { return &origin{tensor: t} }
func (*settingVisitor) Undefined() *origin              { return &origin{} }
func (*settingVisitor) BodyInput(_ Body[*origin], _ int, constant *origin) *origin {
	if constant != nil && constant.tensor != nil {
		return constant
	}
	return &origin{}
}
func (*settingVisitor) Leave(*onnx.Node, *origin, [][]*origin) []*origin { return nil }
func (*settingVisitor) Capture(_ Body[*origin], outer *origin) *origin   { return outer }
func (v *settingVisitor) Enter(n *onnx.Node, operands []*origin) *origin {
	v.use(n, operands)
	return &origin{}
}

func (v *settingVisitor) Operator(_ *onnx.Graph, n *onnx.Node, operands []*origin) []*origin {
	if forwarding[n.Op()] && len(operands) > 0 && operands[0] != nil {
		return operands[:1]
	}
	out := &origin{}
	switch n.Op() {
	case "Cast", "CastLike", "Concat", "Split", "Slice":
		out.raw = len(operands) > 0 && operands[0] != nil && operands[0].raw
	case "Sqrt":
		if len(operands) == 1 && operands[0] != nil {
			if t := v.sums[operands[0]]; t != nil {
				v.found[t] = "Add before Sqrt"
			}
		}
	}
	v.use(n, operands)
	if isElementwise(n.Op()) {
		v.elementwise(n, operands, out)
	}
	return slices.Repeat([]*origin{out}, len(n.Outputs))
}

func isElementwise(op string) bool { return op == "Add" || op == "Sub" || op == "Mul" || op == "Div" }

// elementwise records settings among the operands of an elementwise operator.
func (v *settingVisitor) elementwise(n *onnx.Node, operands []*origin, out *origin) {
	if len(operands) != 2 || operands[0] == nil || operands[1] == nil {
		return
	}
	for i, o := range operands {
		t, other := o.tensor, operands[1-i]
		switch {
		case t == nil:
		case other.raw && !isMatrix(t):
			v.found[t] = fmt.Sprintf("%s[%d] of a model's input", n.Op(), i)
			out.raw = n.Op() != "Mul" || !isZero(t)
		case n.Op() == "Add" && t.Len() == 1:
			v.sums[out] = t
		}
	}
}

// isZero reports whether a tensor is the number 0. An input times 0 is a zero of the input's shape, with which
// exporters make values for each sample, and what is added to it is a weight, such as a class token.
func isZero(t *onnx.Tensor) bool {
	if t.Len() != 1 {
		return false
	}
	values, err := t.Numbers()
	return err == nil && values[0] == 0
}

// use records the tensors that an operator uses.
func (v *settingVisitor) use(n *onnx.Node, operands []*origin) {
	slots := settingSlots[n.Op()]
	for i, o := range operands {
		if o == nil || o.tensor == nil || !o.tensor.DType.IsFloat() {
			continue
		}
		single := o.tensor.Len() == 1
		switch {
		case slices.Contains(slots, i), single && n.Op() == "Where", single && (n.Op() == "Max" || n.Op() == "Min"):
			v.found[o.tensor] = fmt.Sprintf("%s[%d]", n.Op(), i)
		case isElementwise(n.Op()) && (single || !isMatrix(o.tensor)) && otherRaw(operands, i):
		case n.Op() == "Add" && single: // decided by what follows
		default:
			v.others[o.tensor] = true
		}
	}
}

// otherRaw reports whether an operand other than number i is a model's input.
func otherRaw(operands []*origin, i int) bool {
	for k, o := range operands {
		if k != i && o != nil && o.raw {
			return true
		}
	}
	return false
}
