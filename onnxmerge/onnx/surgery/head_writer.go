package surgery

import (
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Opsets at which operators of a head changed their form.
const (
	opsetCastByNumber   = 6  // Cast.to is a number, before a name
	opsetBroadcasting   = 7  // Gemm and Greater broadcast by themselves, before by an attribute
	opsetUnsqueezeInput = 13 // Unsqueeze takes the axes as an input, before as an attribute
)

// headWriter adds the operators of a head to a graph.
type headWriter struct {
	*onnx.Additions
	opset  int64
	prefix string // of the names of inner values
	wide   bool   // computes in float64
	in     string // the value computed last
}

// addHead adds the nodes, initializers and the output of the head.
func addHead(a *onnx.Additions, m *onnx.Model, head Head) {
	features := m.Graph.Value(head.Tensor)
	h := &headWriter{Additions: a, opset: m.Opset(), prefix: head.Output + "/", wide: head.Float64, in: head.Tensor}
	declared := slices.ContainsFunc(m.Graph.Values, func(v onnx.Value) bool { return v.Name == head.Tensor })
	if features.DType != onnx.DTypeUndefined && !declared {
		h.Value(features) // its declaration as an output is removed
	}
	h.rows(head.BatchAxis, len(features.Shape))
	features.Shape = head.rows(m)
	if len(features.Shape) != 2 && head.Pool == nil {
		h.node("Flatten", h.prefix+"flat", []onnx.NewAttribute{{Name: "axis", Int: 1}})
	}
	switch {
	case head.Float64:
		h.cast(h.prefix+"float64", onnx.Float64)
	case features.DType != onnx.Float32 && features.DType != onnx.DTypeUndefined:
		h.cast(h.prefix+"float32", onnx.Float32)
	}
	if head.Pool != nil {
		h.pool(*head.Pool, head.width())
	}
	if head.Unit {
		h.node("LpNormalization", h.prefix+"unit", []onnx.NewAttribute{{Name: "axis", Int: 1}, {Name: "p", Int: 2}})
	}
	if head.Mean != nil {
		mean := h.constant(head.Output+"/mean", []int64{head.width()}, head.Mean)
		h.node("Sub", h.prefix+"centred", h.broadcast(), mean)
		head.Layers = slices.Clone(head.Layers)
		head.Layers[0] = head.Layers[0].shifted(head.Mean, 1)
	}
	h.layers(head)
	batch := onnx.Dim{Len: -1, Param: "batch"}
	if len(features.Shape) > 0 {
		batch = features.Shape[0]
	}
	classes := int64(len(head.Layers[len(head.Layers)-1].Bias))
	h.Output(onnx.Value{Name: head.Output, DType: onnx.Float32, Shape: []onnx.Dim{batch, {Len: classes}}})
}

// rows moves the batch axis of the last value, which has so many axes, in front of the others, or adds one of length 1.
func (h *headWriter) rows(batchAxis, axes int) {
	switch {
	case batchAxis > 0:
		perm := []int64{int64(batchAxis)}
		for axis := range axes {
			if axis != batchAxis {
				perm = append(perm, int64(axis))
			}
		}
		h.node("Transpose", h.prefix+"rows", []onnx.NewAttribute{{Name: "perm", Ints: perm}})
	case batchAxis < 0 && h.opset < opsetUnsqueezeInput:
		h.node("Unsqueeze", h.prefix+"rows", []onnx.NewAttribute{{Name: "axes", Ints: []int64{0}}})
	case batchAxis < 0:
		h.Int64s(h.prefix+"rows/axes", 0)
		h.node("Unsqueeze", h.prefix+"rows", nil, h.prefix+"rows/axes")
	}
}

// layers adds the layers, softmax, and the cast to float32.
func (h *headWriter) layers(head Head) {
	for i, l := range head.Layers {
		out := head.Output
		if i < len(head.Layers)-1 || head.Softmax || head.Float64 {
			out = h.prefix + "layer" + strconv.Itoa(i)
		}
		weights := out
		if len(head.Layers) == 1 {
			weights = head.Output
		}
		h.layer(l, out, weights)
	}
	if head.Softmax {
		out := head.Output
		if head.Float64 {
			out = h.prefix + "softmax"
		}
		h.node("Softmax", out, []onnx.NewAttribute{{Name: "axis", Int: 1}})
	}
	if head.Float64 {
		h.cast(head.Output, onnx.Float32)
	}
}

// node adds an operator on the last value and others.
func (h *headWriter) node(op, out string, attributes []onnx.NewAttribute, more ...string) {
	h.Node(onnx.NewNode{Name: "wiseft/head/" + out, OpType: op,
		Inputs: append([]string{h.in}, more...), Outputs: []string{out},
		Attributes: attributes})
	h.in = out
}

// layer adds an affine map and its activation. out names the result, weights is the prefix of the initializers.
func (h *headWriter) layer(l HeadLayer, out, weights string) {
	outputs := int64(len(l.Bias))
	weight := h.constant(weights+"/weight", []int64{outputs, int64(len(l.Weight)) / outputs}, l.Weight)
	bias := h.constant(weights+"/bias", []int64{outputs}, numeric.Round32(l.Bias))
	attributes := append([]onnx.NewAttribute{{Name: "transB", Int: 1}}, h.broadcast()...)
	switch l.Activation {
	case "relu":
		h.node("Gemm", out+"/affine", attributes, weight, bias)
		h.node("Relu", out, nil)
	case "step":
		h.node("Gemm", out+"/affine", attributes, weight, bias)
		h.node("Greater", out+"/above", h.broadcast(), h.constant(out+"/zero", []int64{1}, []float32{0}))
		h.cast(out, h.dtype())
	default:
		h.node("Gemm", out, attributes, weight, bias)
	}
}

// broadcast returns the attribute that old operator sets need.
func (h *headWriter) broadcast() []onnx.NewAttribute {
	if h.opset >= opsetBroadcasting {
		return nil
	}
	return []onnx.NewAttribute{{Name: "broadcast", Int: 1}}
}

// dtype returns the dtype in which the head computes.
func (h *headWriter) dtype() onnx.DType {
	if h.wide {
		return onnx.Float64
	}
	return onnx.Float32
}

// constant adds an initializer and returns the name of its value in the head's dtype.
func (h *headWriter) constant(name string, dims []int64, values []float32) string {
	h.Float32s(name, dims, values)
	if !h.wide {
		return name
	}
	in := h.in
	h.in = name
	h.cast(name+"/float64", onnx.Float64)
	h.in = in
	return name + "/float64"
}

// cast converts the last value.
func (h *headWriter) cast(out string, to onnx.DType) {
	attribute := onnx.NewAttribute{Name: "to", Int: int64(to)}
	if h.opset < opsetCastByNumber {
		attribute.Text = "FLOAT"
		if to == onnx.Float64 {
			attribute.Text = "DOUBLE"
		}
	}
	h.node("Cast", out, []onnx.NewAttribute{attribute})
}
