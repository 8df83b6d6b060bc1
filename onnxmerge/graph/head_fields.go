package graph

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Opsets at which operators of a head changed their form.
const (
	opsetCastByNumber = 6 // Cast.to is a number, before a name
	opsetBroadcasting = 7 // Gemm and Greater broadcast by themselves, before by an attribute
)

// opset returns the version of ai.onnx that the model imports.
func (m *Model) opset() int64 {
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			return o.Version
		}
	}
	return 1
}

// headWriter encodes the fields of a head.
type headWriter struct {
	opset  int64
	prefix string // of the names of inner values
	wide   bool   // computes in float64
	fields []byte
	in     string // the value computed last
}

// node adds an operator on the last value and others.
func (h *headWriter) node(op, out string, attributes []byte, more ...string) {
	n := appendText(nil, nodeInput, h.in)
	for _, name := range more {
		n = appendText(n, nodeInput, name)
	}
	n = appendText(n, nodeOutput, out)
	n = appendText(n, nodeName, "wiseft/head/"+out)
	n = appendText(n, nodeOpType, op)
	h.fields = appendMessage(h.fields, graphNode, append(n, attributes...))
	h.in = out
}

// headFields encodes the nodes, initializers and the output of the head.
func (m *Model) headFields(head Head) []byte {
	features := m.Graph.value(head.Tensor)
	h := &headWriter{opset: m.opset(), prefix: head.Output + "/", wide: head.Float64, in: head.Tensor}
	if features.DType != DTypeUndefined && !contains(m.Graph.values, head.Tensor) {
		h.fields = appendMessage(h.fields, graphValueInfo, valueInfo(features)) // it was declared as an output
	}
	if len(features.Shape) != 2 {
		h.node("Flatten", h.prefix+"flat", intAttribute("axis", 1))
	}
	switch {
	case head.Float64:
		h.cast(h.prefix+"float64", Float64)
	case features.DType != Float32 && features.DType != DTypeUndefined:
		h.cast(h.prefix+"float32", Float32)
	}
	if head.Mean != nil && !head.Float64 {
		mean := h.constant(head.Output+"/mean", []int64{head.dim()}, head.Mean)
		h.node("Sub", h.prefix+"centred", h.broadcast(), mean)
		head.Layers = slices.Clone(head.Layers)
		head.Layers[0] = head.Layers[0].shifted(head.Mean, 1)
	}
	for i, l := range head.Layers {
		out := head.Output
		if i < len(head.Layers)-1 || head.Softmax || head.Float64 {
			out = h.prefix + "layer" + strconv.Itoa(i)
		}
		h.layer(l, out, i == 0 && len(head.Layers) == 1)
	}
	if head.Softmax {
		out := head.Output
		if head.Float64 {
			out = h.prefix + "softmax"
		}
		h.node("Softmax", out, intAttribute("axis", 1))
	}
	if head.Float64 {
		h.cast(head.Output, Float32)
	}
	batch := Dim{Len: -1, Param: "batch"}
	if len(features.Shape) > 0 {
		batch = features.Shape[0]
	}
	classes := int64(len(head.Layers[len(head.Layers)-1].Bias))
	return appendMessage(h.fields, graphOutput, valueInfo(Value{head.Output, Float32, []Dim{batch, {Len: classes}}}))
}

// layer adds an affine map and its activation; out names the result.
func (h *headWriter) layer(l HeadLayer, out string, only bool) {
	outputs := int64(len(l.Bias))
	name := out
	if only {
		name = h.prefix[:len(h.prefix)-1]
	}
	weight := h.constant(name+"/weight", []int64{outputs, int64(len(l.Weight)) / outputs}, l.Weight)
	bias := h.constant(name+"/bias", []int64{outputs}, l.Bias)
	attributes := append(intAttribute("transB", 1), h.broadcast()...)
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

// broadcast returns the attribute that old operator sets want.
func (h *headWriter) broadcast() []byte {
	if h.opset >= opsetBroadcasting {
		return nil
	}
	return intAttribute("broadcast", 1)
}

// dtype is what the head computes in.
func (h *headWriter) dtype() DType {
	if h.wide {
		return Float64
	}
	return Float32
}

// constant adds an initializer and returns the name of its value in the head's dtype.
func (h *headWriter) constant(name string, dims []int64, values []float32) string {
	h.fields = appendMessage(h.fields, graphInitializer, floatTensor(name, dims, values))
	if !h.wide {
		return name
	}
	in := h.in
	h.in = name
	h.cast(name+"/float64", Float64)
	h.in = in
	return name + "/float64"
}

// cast converts the last value.
func (h *headWriter) cast(out string, to DType) {
	if h.opset >= opsetCastByNumber {
		h.node("Cast", out, intAttribute("to", int64(to)))
		return
	}
	name := "FLOAT"
	if to == Float64 {
		name = "DOUBLE"
	}
	a := appendText(nil, attrName, "to")
	a = appendText(a, attrS, name)
	h.node("Cast", out, appendMessage(nil, nodeAttribute, appendInt(a, attrType, attributeSTRING)))
}

func intAttribute(name string, v int64) []byte {
	a := appendText(nil, attrName, name)
	a = appendInt(a, attrI, v)
	return appendMessage(nil, nodeAttribute, appendInt(a, attrType, attributeINT))
}

func float32Bytes(values []float32) []byte {
	raw := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return raw
}

func floatTensor(name string, dims []int64, values []float32) []byte {
	raw := float32Bytes(values)
	var t []byte
	for _, d := range dims {
		t = appendInt(t, tensorDims, d)
	}
	t = appendInt(t, tensorDataType, int64(Float32))
	t = appendText(t, tensorName, name)
	return protowire.AppendBytes(protowire.AppendTag(t, tensorRawData, protowire.BytesType), raw)
}
