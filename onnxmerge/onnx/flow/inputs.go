package flow

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// InputUse is how a model uses the numbers of one of its inputs.
type InputUse struct {
	// Rows is the length of the shortest table that the input indexes, as token ids do; 0 if it indexes none.
	Rows int64
	// Mask means that operators compare, cast or select by the input.
	Mask bool
}

// InputUses returns how the model uses each of its inputs, by name.
func InputUses(m *onnx.Model) map[string]InputUse {
	v := &inputVisitor{uses: map[string]InputUse{}}
	Walk(m, v)
	return v.uses
}

// inputValue is what a value consists of: elements of an input, or of a tensor.
type inputValue struct {
	input  string
	tensor *onnx.Tensor
}

type inputVisitor struct{ uses map[string]InputUse }

func (v *inputVisitor) Input(_ int, in onnx.Value) inputValue {
	v.uses[in.Name] = InputUse{}
	return inputValue{input: in.Name}
}
func (*inputVisitor) Tensor(t *onnx.Tensor) inputValue                             { return inputValue{tensor: t} }
func (*inputVisitor) Undefined() inputValue                                        { return inputValue{} }
func (*inputVisitor) Capture(_ Body[inputValue], x inputValue) inputValue          { return x }
func (*inputVisitor) BodyInput(_ Body[inputValue], _ int, x inputValue) inputValue { return x }

// passing are operators whose result has elements of their first operand, or these as another type.
var passing = []string{"Cast", "Slice", "Expand", "Clip", "Tile", "CastLike"}

// tables are the operators that look up rows, with the slots of ids and table.
var tables = map[string][][2]int{
	"Gather": {{1, 0}}, "com.microsoft.EmbedLayerNormalization": {{0, 2}, {1, 4}},
}

func (v *inputVisitor) Operator(_ *onnx.Graph, n *onnx.Node, operands []inputValue) []inputValue {
	for _, slots := range tables[n.Op()] {
		if max(slots[0], slots[1]) < len(operands) {
			v.addTable(operands[slots[0]].input, operands[slots[1]].tensor, n.Ints["axis"])
		}
	}
	switch n.Op() {
	case "Where", "Cast", "Equal", "Not", "And", "Or", "Greater", "Less", "GreaterOrEqual", "LessOrEqual":
		for _, o := range operands {
			if o.input != "" {
				use := v.uses[o.input]
				use.Mask = true
				v.uses[o.input] = use
			}
		}
	}
	if len(operands) > 0 && (forwarding[n.Op()] || slices.Contains(passing, n.Op())) {
		return operands[:1]
	}
	return nil
}

// addTable records that an input indexes an axis of a table.
func (v *inputVisitor) addTable(input string, table *onnx.Tensor, axis []int64) {
	if input == "" || table == nil || len(table.Dims) == 0 {
		return
	}
	at := int64(0)
	if len(axis) == 1 {
		at = (axis[0] + int64(len(table.Dims))) % int64(len(table.Dims))
	}
	use := v.uses[input]
	if rows := table.Dims[at]; use.Rows == 0 || rows < use.Rows {
		use.Rows = rows
	}
	v.uses[input] = use
}

func (*inputVisitor) Enter(*onnx.Node, []inputValue) inputValue                 { return inputValue{} }
func (*inputVisitor) Leave(*onnx.Node, inputValue, [][]inputValue) []inputValue { return nil }
