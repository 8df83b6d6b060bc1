package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// BatchDependent lists the operators of a model whose result for a sample depends on the samples beside it, or on
// chance: BatchNormalization and Dropout in training mode, random generators, and the quantisers whose scale is
// computed from the whole batch.
func BatchDependent(m *onnx.Model) []Dependence {
	v := &batchVisitor{}
	Walk(m, v)
	slices.SortFunc(v.found, func(a, b Dependence) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(v.found)
}

// Dependence is an operator whose result depends on the batch or on chance.
type Dependence struct {
	Op     string
	Output string // its first output, or its name if it has none
	Why    string
	// Chance means that it computes something else each time, or that it is in training mode; an operator that
	// quantises the batch may change a result by less than matters.
	Chance bool
}

func (d Dependence) String() string { return fmt.Sprintf("%s %q, %s", d.Op, d.Output, d.Why) }

// batchVisitor computes the tensor that each value is; nil if none.
type batchVisitor struct{ found []Dependence }

func (*batchVisitor) Input(int, onnx.Value) *onnx.Tensor                                 { return nil }
func (*batchVisitor) Tensor(t *onnx.Tensor) *onnx.Tensor                                 { return t }
func (*batchVisitor) Undefined() *onnx.Tensor                                            { return nil }
func (*batchVisitor) Capture(_ Body[*onnx.Tensor], outer *onnx.Tensor) *onnx.Tensor      { return outer }
func (*batchVisitor) BodyInput(_ Body[*onnx.Tensor], _ int, _ *onnx.Tensor) *onnx.Tensor { return nil }
func (*batchVisitor) Leave(*onnx.Node, *onnx.Tensor, [][]*onnx.Tensor) []*onnx.Tensor    { return nil }
func (*batchVisitor) Enter(*onnx.Node, []*onnx.Tensor) *onnx.Tensor                      { return nil }

func (v *batchVisitor) Operator(_ *onnx.Graph, n *onnx.Node, operands []*onnx.Tensor) []*onnx.Tensor {
	why := ""
	switch op := n.Op(); {
	case op == "BatchNormalization" && slices.Equal(n.Ints["training_mode"], []int64{1}):
		why = "in training mode"
	case op == "Dropout" && len(operands) > 2 && isTrue(operands[2]):
		why = "in training mode"
	case strings.HasPrefix(op, "Random") || op == "Bernoulli" || op == "Multinomial":
		why = "random"
	case strings.HasPrefix(n.OpType, "DynamicQuantize"):
		why = "scaled by the whole batch"
	}
	if why != "" {
		name := n.Name
		if len(n.Outputs) > 0 {
			name = n.Outputs[0]
		}
		v.found = append(v.found, Dependence{n.OpType, name, why, !strings.HasPrefix(n.OpType, "DynamicQuantize")})
	}
	return nil
}

// isTrue reports whether a stored bool is true.
func isTrue(t *onnx.Tensor) bool {
	if t == nil || !t.Readable() || t.SizeBytes() != 1 {
		return false
	}
	value := make([]byte, 1)
	return t.ReadAt(value, 0) == nil && value[0] != 0
}
