package surgery

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Pool makes one row of features a sample from a tensor with several positions: the values of one axis that remains, each
// reduced over all others but the batch's.
type Pool struct {
	Mode        string // "mean", "max", "cls" (the first position) or "last"
	FeatureAxis int    // that remains, counted from the batch axis, 0
	Axes        int    // of the tensor, with the batch axis
}

// check refuses a pool that no tensor has.
func (p *Pool) check(m *onnx.Model, tensor string) error {
	switch {
	case p == nil:
		return nil
	case p.Mode != "mean" && p.Mode != "max" && p.Mode != "cls" && p.Mode != "last":
		return fmt.Errorf("surgery: unknown pooling %q", p.Mode)
	case p.FeatureAxis < 1 || p.FeatureAxis >= p.Axes:
		return fmt.Errorf("surgery: axis %d of %d cannot have the features", p.FeatureAxis, p.Axes)
	}
	if shape := m.Graph.Value(tensor).Shape; len(shape) > 0 && len(shape) != p.Axes {
		return onnx.MismatchError(fmt.Sprintf("tensor %q has %d axes, the probe's features were pooled from %d", tensor,
			len(shape), p.Axes))
	}
	return nil
}

// Opsets at which the operators of a pool changed their form.
const (
	opsetReshapeInput    = 5  // Reshape takes the shape as an input, before as an attribute
	opsetReduceAxesInput = 18 // ReduceMean and ReduceMax take the axes as an input, before as an attribute
)

// pool adds the operators that give [batch, width] from the last value: its positions become one axis, in the order in
// which they are stored, which is reduced.
func (h *headWriter) pool(p Pool, width int64) {
	if p.FeatureAxis < p.Axes-1 {
		var order []int64
		for axis := range p.Axes {
			if axis != p.FeatureAxis {
				order = append(order, int64(axis))
			}
		}
		h.node("Transpose", h.prefix+"positions_first",
			[]onnx.NewAttribute{{Name: "perm", Ints: append(order, int64(p.FeatureAxis))}})
	}
	shape := []int64{0, -1, width} // 0 keeps the batch
	if h.opset < opsetReshapeInput {
		h.node("Reshape", h.prefix+"positions", []onnx.NewAttribute{{Name: "shape", Ints: shape}})
	} else {
		h.Int64s(h.prefix+"positions/shape", shape...)
		h.node("Reshape", h.prefix+"positions", nil, h.prefix+"positions/shape")
	}
	switch p.Mode {
	case "mean":
		h.reduce("ReduceMean")
	case "max":
		h.reduce("ReduceMax")
	case "cls":
		h.position(0)
	case "last":
		h.position(-1)
	}
}

// reduce reduces axis 1.
func (h *headWriter) reduce(op string) {
	attributes := []onnx.NewAttribute{{Name: "keepdims", Int: 0}}
	if h.opset < opsetReduceAxesInput {
		h.node(op, h.prefix+"pooled", append(attributes, onnx.NewAttribute{Name: "axes", Ints: []int64{1}}))
		return
	}
	h.Int64s(h.prefix+"pooled/axes", 1)
	h.node(op, h.prefix+"pooled", attributes, h.prefix+"pooled/axes")
}

// position takes a place of axis 1; -1 is the last one.
func (h *headWriter) position(at int64) {
	h.Int64s(h.prefix+"pooled/position", at)
	h.node("Gather", h.prefix+"position", []onnx.NewAttribute{{Name: "axis", Int: 1}}, h.prefix+"pooled/position")
	h.node("Flatten", h.prefix+"pooled", []onnx.NewAttribute{{Name: "axis", Int: 1}})
}
