package onnx

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// Change is a change of a model's main graph and metadata. The zero value changes nothing. A Change holds names and new
// fields, no positions, so that it can be made once and written with different payloads.
type Change struct {
	// Needed, if not nil, are the values that the model must compute. All outputs are removed, and so are the nodes,
	// initializers and declared values from which no needed value is computed. Replacements of removed tensors are
	// ignored: their Fill is not called.
	Needed map[string]bool
	// Inputs, if not nil, are the model's inputs in place of its own.
	Inputs []Value
	// Undeclared removes all declared values, whose shapes may not be those of other inputs.
	Undeclared bool
	Rewire     []Rewire // operands of nodes of the main graph that stay
	Add        Additions
	Metadata   []Entry // properties to set
}

// Rewire names another value for an operand of a node.
type Rewire struct {
	Node int // index into Graph.Nodes of the main graph
	Slot int // index into the node's inputs
	Name string
}

// IsZero reports whether c changes nothing.
func (c Change) IsZero() bool {
	return c.Needed == nil && c.Inputs == nil && !c.Undeclared && len(c.Rewire) == 0 && len(c.Add.fields) == 0 && len(c.Metadata) == 0
}

// WriteChanged writes the model as one file, with a change and the given payloads replaced; see [Model.Write].
func (m *Model) WriteChanged(ctx context.Context, w io.Writer, c Change, replacements ...Replacement) error {
	_, err := m.Write(ctx, single{w}, replacements, WriteOptions{Layout: Inside, Change: c})
	return err
}

// WriteCopyChanged writes, as one file, a copy of the model with a change. copy is the model as [Model.Rewrite] has
// written it with other payloads. If payloads keep their offsets (all are stored as they are read, in the model's own
// file), the copy is not parsed: a sweep finds once what to remove, and removes it from every merged model.
func (m *Model) WriteCopyChanged(ctx context.Context, w io.Writer, copy []byte, c Change) error {
	if int64(len(copy)) == m.SizeBytes() && m.keepsOffsets() {
		_, err := wire.Rewrite(ctx, w, wire.NewBytesSource(copy), m.changeEdits(c), 1)
		return err
	}
	parsed, err := Open(bytes.NewReader(copy), int64(len(copy)))
	if err != nil {
		return err
	}
	return parsed.WriteChanged(ctx, w, c)
}

// keepsOffsets reports whether replaced payloads never change the length of anything.
func (m *Model) keepsOffsets() bool {
	return !slices.ContainsFunc(m.Tensors, func(t *Tensor) bool { return t.Replaceable() && !t.isPlain() })
}

// changeEdits returns the edits of the model's own file that make a change.
func (m *Model) changeEdits(c Change) []wire.Edit {
	var edits []wire.Edit
	if c.Needed != nil {
		edits = m.pruneTo(c.Needed, c.Undeclared)
	} else if c.Undeclared {
		edits = remove(m.Graph.values, func(string) bool { return true }, m.Graph.within)
	}
	for _, r := range c.Rewire {
		edits = append(edits, m.rewire(r)...)
	}
	added := c.Add.fields
	if c.Inputs != nil {
		edits = append(edits, m.dropInputs(c.Needed)...)
		added = slices.Clone(added)
		for _, in := range c.Inputs {
			added = appendMessage(added, graphInput, valueInfo(in))
		}
	}
	if len(added) > 0 {
		end := m.Graph.within[len(m.Graph.within)-1].Body.End()
		edits = append(edits, wire.NewEdit(wire.Span{Off: end}, added, m.Graph.within))
	}
	for _, e := range c.Metadata {
		edits = append(edits, m.setMetadata(e)...)
	}
	return edits
}

// rewire returns the edit that names another value for an operand. A slot that the node does not have gives none.
func (m *Model) rewire(r Rewire) []wire.Edit {
	node, slot := m.Graph.Nodes[r.Node].place.Field(), 0
	for f, err := range m.source.Fields(node.Body) {
		if err != nil {
			return nil // the model was read before
		}
		if f.Num != nodeInput {
			continue
		}
		if slot == r.Slot {
			return []wire.Edit{wire.NewEdit(f.Whole(), appendText(nil, nodeInput, r.Name), append(slices.Clone(m.Graph.within), node))}
		}
		slot++
	}
	return nil
}

// pruneTo removes all outputs, and the nodes, initializers and declared values from which no needed value is
// computed; undeclared removes all declared values.
func (m *Model) pruneTo(needed map[string]bool, undeclared bool) []wire.Edit {
	g := m.Graph
	edits := remove(g.outputs, func(string) bool { return true }, g.within)
	for _, n := range g.Nodes {
		keep := false
		for _, name := range n.Outputs {
			keep = keep || needed[name]
		}
		if !keep {
			edits = append(edits, wire.Edit{At: n.place.Whole(), Within: g.within})
		}
	}
	unneeded := func(name string) bool { return !needed[name] }
	edits = append(edits, remove(g.initializers, unneeded, g.within)...)
	return append(edits, remove(g.values, func(name string) bool { return undeclared || unneeded(name) }, g.within)...)
}

// dropInputs returns the edits that remove the inputs. Initializers that are declared as inputs, as they must be before
// IR version 4, stay declared if they are needed.
func (m *Model) dropInputs(needed map[string]bool) []wire.Edit {
	stays := map[string]bool{}
	for name := range m.Graph.Initializers() {
		stays[name] = needed == nil || needed[name]
	}
	return remove(m.Graph.inputs, func(name string) bool { return !stays[name] }, m.Graph.within)
}

// setMetadata returns the edits that set a metadata property.
func (m *Model) setMetadata(e Entry) []wire.Edit {
	end := wire.Span{Off: m.source.All().Len}
	return append(m.dropMetadata(e.Key), wire.NewEdit(end, metadataField(e.Key, e.Value), nil))
}

// dropMetadata returns the edits that remove a metadata property.
func (m *Model) dropMetadata(key string) []wire.Edit {
	return remove(m.metadata, func(name string) bool { return name == key }, nil)
}

// metadataField encodes a metadata property as a field of ModelProto.
func metadataField(key, value string) []byte {
	entry := appendText(appendText(nil, entryKey, key), entryValue, value)
	return appendMessage(nil, modelMetadataProps, entry)
}

// remove returns the edits that delete the items for which drop holds.
func remove(items []item, drop func(name string) bool, within []wire.Field) []wire.Edit {
	var edits []wire.Edit
	for _, it := range items {
		if drop(it.name) {
			edits = append(edits, wire.Edit{At: it.place.Whole(), Within: within})
		}
	}
	return edits
}

// Additions are nodes, initializers, values and outputs that are appended to a main graph, in the order in which they
// are added.
type Additions struct{ fields []byte }

// Bytes returns the additions as encoded fields of GraphProto. The caller must not change them.
func (a *Additions) Bytes() []byte { return a.fields }

// NewNode is an operator to add.
type NewNode struct {
	Name, OpType    string
	Inputs, Outputs []string
	Attributes      []NewAttribute
}

// NewAttribute is an attribute of an added operator: a number, a text if Text is not "", or a list if Ints is not nil.
type NewAttribute struct {
	Name string
	Int  int64
	Text string
	Ints []int64
}

// Node adds an operator.
func (a *Additions) Node(n NewNode) {
	var b []byte
	for _, name := range n.Inputs {
		b = appendText(b, nodeInput, name)
	}
	for _, name := range n.Outputs {
		b = appendText(b, nodeOutput, name)
	}
	b = appendText(b, nodeName, n.Name)
	b = appendText(b, nodeOpType, n.OpType)
	for _, attribute := range n.Attributes {
		b = appendMessage(b, nodeAttribute, attribute.encode())
	}
	a.fields = appendMessage(a.fields, graphNode, b)
}

func (a NewAttribute) encode() []byte {
	b := appendText(nil, attrName, a.Name)
	if a.Text != "" {
		return appendInt(appendText(b, attrS, a.Text), attrType, attributeSTRING)
	}
	if a.Ints != nil {
		for _, v := range a.Ints {
			b = appendInt(b, attrInts, v)
		}
		return appendInt(b, attrType, attributeINTS)
	}
	return appendInt(appendInt(b, attrI, a.Int), attrType, attributeINT)
}

// Float32s adds an initializer of dtype float32.
func (a *Additions) Float32s(name string, dims []int64, values []float32) {
	a.initializer(name, Float32, dims, Float32Bytes(values))
}

// Initializer adds an initializer with a payload in the layout of [Tensor.ReadAt], which is kept.
func (a *Additions) Initializer(name string, dtype DType, dims []int64, raw []byte) {
	a.initializer(name, dtype, dims, raw)
}

// Int64s adds an initializer of dtype int64 and one axis.
func (a *Additions) Int64s(name string, values ...int64) {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	a.initializer(name, Int64, []int64{int64(len(values))}, raw)
}

func (a *Additions) initializer(name string, dtype DType, dims []int64, raw []byte) {
	var t []byte
	for _, d := range dims {
		t = appendInt(t, tensorDims, d)
	}
	t = appendInt(t, tensorDataType, int64(dtype))
	t = appendText(t, tensorName, name)
	t = protowire.AppendBytes(protowire.AppendTag(t, tensorRawData, protowire.BytesType), raw)
	a.fields = appendMessage(a.fields, graphInitializer, t)
}

// Value declares the type of an inner value.
func (a *Additions) Value(v Value) { a.fields = appendMessage(a.fields, graphValueInfo, valueInfo(v)) }

// Output adds an output.
func (a *Additions) Output(v Value) { a.fields = appendMessage(a.fields, graphOutput, valueInfo(v)) }

// Float32Bytes returns values as a payload of dtype float32.
func Float32Bytes(values []float32) []byte {
	raw := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return raw
}

// valueInfo encodes v as a ValueInfoProto. A type that is not declared is left out; runtimes infer it.
func valueInfo(v Value) []byte {
	b := appendText(nil, valueName, v.Name)
	if v.DType == DTypeUndefined {
		return b
	}
	tensor := appendInt(nil, typeElemType, int64(v.DType))
	if v.Shape != nil {
		var shape []byte
		for _, d := range v.Shape {
			var dim []byte
			switch {
			case d.Len >= 0:
				dim = appendInt(nil, dimValue, d.Len)
			case d.Param != "":
				dim = appendText(nil, dimParam, d.Param)
			}
			shape = appendMessage(shape, shapeDim, dim)
		}
		tensor = appendMessage(tensor, typeShape, shape)
	}
	return appendMessage(b, valueType, appendMessage(nil, typeTensor, tensor))
}

func appendText(b []byte, num protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), text)
}

func appendMessage(b []byte, num protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), message)
}

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}
