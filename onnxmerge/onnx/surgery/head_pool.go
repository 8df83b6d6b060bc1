package surgery

import (
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Pool makes one row of features a sample from a tensor with several positions: the values of one axis that remains,
// each reduced over all others but the batch's.
type Pool struct {
	Mode        string // "mean", "max", "cls" (the first position) or "last"
	FeatureAxis int    // that remains, counted from the batch axis, 0
	Axes        int    // of the tensor, with the batch axis
	// Mask is the model's input that is 1 at the positions that are taken, or 0 with InvertMask; "" takes all. It has
	// the batch axis, and as many values behind it as the tensor has positions.
	Mask       string
	InvertMask bool
}

// check refuses a pool that no tensor has. shape is the tensor's, with the batch axis first.
func (p *Pool) check(m *onnx.Model, tensor string, shape []onnx.Dim) error {
	switch {
	case p == nil:
		return nil
	case p.Mode != "mean" && p.Mode != "max" && p.Mode != "cls" && p.Mode != "last":
		return fmt.Errorf("surgery: unknown pooling %q", p.Mode)
	case p.FeatureAxis < 1 || p.FeatureAxis >= p.Axes:
		return fmt.Errorf("surgery: axis %d of %d cannot have the features", p.FeatureAxis, p.Axes)
	}
	if p.Mask != "" {
		isMask := func(v onnx.Value) bool { return v.Name == p.Mask }
		if !slices.ContainsFunc(m.Graph.Inputs, isMask) && !slices.ContainsFunc(m.Graph.Optional, isMask) {
			return onnx.MismatchError(fmt.Sprintf("the model has no input %q, the mask of the probe's features", p.Mask))
		}
		if m.Opset() < opsetMask {
			return onnx.MismatchError(fmt.Sprintf("the model has opset %d, and pooling with a mask needs %d", m.Opset(), opsetMask))
		}
	}
	if len(shape) > 0 && len(shape) != p.Axes {
		return onnx.MismatchError(fmt.Sprintf("tensor %q has %d axes, the probe's features were pooled from %d", tensor,
			len(shape), p.Axes))
	}
	return nil
}

// Opsets at which the operators of a pool changed their form.
const (
	opsetReshapeInput    = 5  // Reshape takes the shape as an input, before as an attribute
	opsetReduceAxesInput = 18 // ReduceMean and ReduceMax take the axes as an input, before as an attribute
	opsetMask            = 12 // GatherElements exists, and ArgMax selects the last index
	opsetSumAxesInput    = 13 // ReduceSum takes the axes as an input, before as an attribute
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
	if p.Mask != "" {
		h.masked(p, width)
		return
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
func (h *headWriter) reduce(op string) { h.reduceTo(op, h.prefix+"pooled", opsetReduceAxesInput) }

// reduceTo reduces axis 1 by an operator that takes the axes as an input from an opset on.
func (h *headWriter) reduceTo(op, out string, axesInput int64) {
	attributes := []onnx.NewAttribute{{Name: "keepdims", Int: 0}}
	if h.opset < axesInput {
		h.node(op, out, append(attributes, onnx.NewAttribute{Name: "axes", Ints: []int64{1}}))
		return
	}
	h.Int64s(out+"/axes", 1)
	h.node(op, out, attributes, out+"/axes")
}

// masked adds the operators that pool [batch, positions, width] where the mask says so. Other positions are replaced
// rather than multiplied by 0, so that they may have any value.
func (h *headWriter) masked(p Pool, width int64) {
	values, name := h.in, func(part string) string { return h.prefix + "mask/" + part }
	h.in = p.Mask
	h.cast(name("number"), h.dtype())
	if p.InvertMask {
		one := h.constant(name("one"), []int64{1}, []float32{1})
		number := h.in
		h.in = one
		h.node("Sub", name("kept"), nil, number)
	}
	h.Int64s(name("column/shape"), 0, -1, 1)
	h.node("Reshape", name("column"), nil, name("column/shape"))
	kept := h.in
	if p.Mode == "cls" || p.Mode == "last" {
		var last int64
		if p.Mode == "last" {
			last = 1
		}
		h.node("ArgMax", name("position"), []onnx.NewAttribute{{Name: "axis", Int: 1}, {Name: "keepdims", Int: 1},
			{Name: "select_last_index", Int: last}})
		h.Int64s(name("row/shape"), 1, 1, width)
		h.node("Expand", name("row"), nil, name("row/shape"))
		row := h.in
		h.in = values
		h.node("GatherElements", h.prefix+"position", []onnx.NewAttribute{{Name: "axis", Int: 1}}, row)
		h.node("Flatten", h.prefix+"pooled", []onnx.NewAttribute{{Name: "axis", Int: 1}})
		return
	}
	h.cast(name("condition"), onnx.Bool)
	other := float32(math.Inf(-1))
	if p.Mode == "mean" {
		other = 0
	}
	h.node("Where", name("values"), nil, values, h.constant(name("other"), []int64{1}, []float32{other}))
	if p.Mode == "max" {
		h.reduce("ReduceMax")
		return
	}
	h.reduceTo("ReduceSum", name("sum"), opsetSumAxesInput)
	sum := h.in
	h.in = kept
	h.reduceTo("ReduceSum", name("count"), opsetSumAxesInput)
	count := h.in
	h.in = sum
	h.node("Div", h.prefix+"pooled", nil, count)
}

// position takes a place of axis 1; -1 is the last one.
func (h *headWriter) position(at int64) {
	h.Int64s(h.prefix+"pooled/position", at)
	h.node("Gather", h.prefix+"position", []onnx.NewAttribute{{Name: "axis", Int: 1}}, h.prefix+"pooled/position")
	h.node("Flatten", h.prefix+"pooled", []onnx.NewAttribute{{Name: "axis", Int: 1}})
}
