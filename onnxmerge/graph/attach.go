package graph

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// Head is a linear classifier to be put on top of a model.
type Head struct {
	Tensor  string    // the value it reads: features, one row per sample
	Output  string    // the name of its scores, a new value; "" means "scores"
	Weight  []float32 // classes x dim, row-major
	Bias    []float32 // one per class
	Classes []string  // names, written into the metadata; nil if unknown
}

// Metadata keys that Attach writes.
const (
	ClassesKey = "wiseft.classes" // the class names, a JSON array of strings
	HeadKey    = "wiseft.head"    // the tensor that the attached head reads
)

// Attach writes the model with head as its only output: scores = features *
// Weight^T + Bias, computed by Flatten and Gemm nodes. Whatever the scores do not
// need, such as the old head, is removed, operators and weights alike. Features of
// another dtype than float32 are cast first.
func (m *Model) Attach(ctx context.Context, w io.Writer, head Head) error {
	if head.Output == "" {
		head.Output = "scores"
	}
	classes := len(head.Bias)
	if classes == 0 || len(head.Weight)%classes != 0 {
		return fmt.Errorf("graph: a head of %d weights and %d classes is not rectangular", len(head.Weight), classes)
	}
	weights, err := m.Weights()
	if err != nil {
		return err
	}
	if err := m.checkValue(weights, head.Tensor); err != nil {
		return err
	}
	if err := m.checkDim(head); err != nil {
		return err
	}
	needs := weights.Needs(head.Tensor)
	if _, taken := weights.Value(head.Output); taken && needs[head.Output] {
		return formatf("the model computes a tensor named %q already; choose another name for the scores", head.Output)
	}
	edits := m.pruneTo(needs)
	edits = append(edits, m.insert(m.headFields(head)))
	edits = append(edits, m.metadataEdits(HeadKey, head.Tensor)...)
	if head.Classes != nil {
		names, err := json.Marshal(head.Classes)
		if err != nil {
			return err
		}
		edits = append(edits, m.metadataEdits(ClassesKey, string(names))...)
	}
	_, err = m.write(ctx, single{w}, edits, nil, WriteOptions{Layout: Inside})
	return err
}

// checkDim refuses a head for features of another size, where the model declares it.
func (m *Model) checkDim(head Head) error {
	shape := m.Graph.value(head.Tensor).Shape
	if len(shape) == 0 {
		return nil
	}
	dim, want := int64(1), int64(len(head.Weight)/len(head.Bias))
	for _, d := range shape[1:] {
		if d.Len < 0 {
			return nil
		}
		dim *= d.Len
	}
	if dim != want {
		return MismatchError(fmt.Sprintf("tensor %q has %d values a sample, the head takes %d", head.Tensor, dim, want))
	}
	return nil
}

// pruneTo deletes all outputs, and the nodes, initializers and declared values that
// none of the needed values comes from.
func (m *Model) pruneTo(needs map[string]bool) []wire.Edit {
	g := m.Graph
	edits := remove(g.outputs, func(string) bool { return true }, g.within)
	for _, n := range g.Nodes {
		needed := false
		for _, name := range n.Outputs {
			needed = needed || needs[name]
		}
		if !needed {
			edits = append(edits, wire.Edit{At: n.field.Whole(), Within: g.within})
		}
	}
	unneeded := func(name string) bool { return !needs[name] }
	edits = append(edits, remove(g.initializers, unneeded, g.within)...)
	return append(edits, remove(g.values, unneeded, g.within)...)
}

// headFields encodes the nodes, initializers and the output of the head.
func (m *Model) headFields(head Head) []byte {
	classes := int64(len(head.Bias))
	dim := int64(len(head.Weight)) / classes
	features := m.Graph.value(head.Tensor)
	in := head.Tensor
	var b []byte
	if features.DType != DTypeUndefined && !contains(m.Graph.values, head.Tensor) {
		b = appendMessage(b, graphValueInfo, valueInfo(features)) // it was declared as an output
	}
	node := func(op, out string, attributes []byte, inputs ...string) {
		var n []byte
		for _, name := range inputs {
			n = appendText(n, nodeInput, name)
		}
		n = appendText(n, nodeOutput, out)
		n = appendText(n, nodeName, "wiseft/head/"+op)
		n = appendText(n, nodeOpType, op)
		b = appendMessage(b, graphNode, append(n, attributes...))
		in = out
	}
	if len(features.Shape) != 2 {
		node("Flatten", head.Output+"/flat", intAttribute("axis", 1), in)
	}
	if features.DType != Float32 && features.DType != DTypeUndefined {
		node("Cast", head.Output+"/float32", intAttribute("to", int64(Float32)), in)
	}
	weight, bias := head.Output+"/weight", head.Output+"/bias"
	node("Gemm", head.Output, intAttribute("transB", 1), in, weight, bias)
	b = appendMessage(b, graphInitializer, floatTensor(weight, []int64{classes, dim}, head.Weight))
	b = appendMessage(b, graphInitializer, floatTensor(bias, []int64{classes}, head.Bias))
	batch := Dim{Len: -1, Param: "batch"}
	if len(features.Shape) > 0 {
		batch = features.Shape[0]
	}
	return appendMessage(b, graphOutput, valueInfo(Value{head.Output, Float32, []Dim{batch, {Len: classes}}}))
}

func intAttribute(name string, v int64) []byte {
	a := appendText(nil, attrName, name)
	a = appendInt(a, attrI, v)
	return appendMessage(nil, nodeAttribute, appendInt(a, attrType, attributeINT))
}

func floatTensor(name string, dims []int64, values []float32) []byte {
	raw := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	var t []byte
	for _, d := range dims {
		t = appendInt(t, tensorDims, d)
	}
	t = appendInt(t, tensorDataType, int64(Float32))
	t = appendText(t, tensorName, name)
	return protowire.AppendBytes(protowire.AppendTag(t, tensorRawData, protowire.BytesType), raw)
}

// metadataEdits set a metadata property of the model.
func (m *Model) metadataEdits(key, value string) []wire.Edit {
	end := wire.Span{Off: m.source.All().Len}
	return append(m.dropMetadata(key), wire.NewEdit(end, metadataField(key, value), nil))
}

// dropMetadata removes a metadata property of the model.
func (m *Model) dropMetadata(key string) []wire.Edit {
	return remove(m.metadata, func(name string) bool { return name == key }, nil)
}

// metadataField encodes a metadata property as a field of the model.
func metadataField(key, value string) []byte {
	entry := appendText(appendText(nil, entryKey, key), entryValue, value)
	return appendMessage(nil, modelMetadataProps, entry)
}
