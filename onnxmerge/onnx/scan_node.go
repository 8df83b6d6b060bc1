package onnx

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

func (s *scanner) scanNode(g *Graph, nf wire.Field) error {
	if err := bytesField(nf); err != nil {
		return err
	}
	n := Node{place: nf.Place()}
	inputs, outputs := s.inputs[:0], s.outputs[:0]
	var attributes []wire.Field
	for f, err := range s.source.Fields(nf.Body) {
		if err != nil {
			return err
		}
		switch f.Num {
		case nodeInput:
			inputs, err = s.appendName(inputs, g, f)
		case nodeOutput:
			outputs, err = s.appendName(outputs, g, f)
		case nodeName:
			n.Name, err = s.text(f)
		case nodeOpType:
			n.OpType, err = s.operator(f)
		case nodeDomain:
			n.Domain, err = s.operator(f)
		case nodeAttribute:
			attributes = append(attributes, f)
		default:
			err = s.checkNested(nodeProto, f)
		}
		if err != nil {
			return err
		}
	}
	g.names.set(&n, inputs, outputs, len(g.Nodes))
	s.inputs, s.outputs = inputs, outputs
	for _, f := range attributes {
		within := append(g.within[:len(g.within):len(g.within)], nf)
		if err := s.scanAttribute(g, &n, f, within); err != nil {
			return asFormat(err, fmt.Sprintf("node %q (%s)", n.result(), n.OpType))
		}
	}
	g.Nodes = append(g.Nodes, n)
	return nil
}

// appendName appends the number of the name in a field of a node of g.
func (s *scanner) appendName(numbers []int32, g *Graph, f wire.Field) ([]int32, error) {
	if err := bytesField(f); err != nil {
		return numbers, err
	}
	name, err := s.source.ReadNear(f.Body, maxName)
	if err != nil {
		return numbers, err
	}
	return append(numbers, g.names.number(name, &s.texts)), nil
}

// result returns the node's first output, which is unique in its graph, unlike the node's name.
func (n *Node) result() string {
	if len(n.Outputs) > 0 {
		return n.Outputs[0]
	}
	return n.Name
}

// Op returns the operator that the node calls: OpType for ONNX's own, such as "Conv", else with its domain, such as
// "com.microsoft.nchwc.Conv". Operators of two domains are different operators, whatever their OpType.
func (n *Node) Op() string {
	if n.Domain == "" || n.Domain == "ai.onnx" {
		return n.OpType
	}
	return n.Domain + "." + n.OpType
}

// isConstant reports whether the node is ONNX's Constant.
func (n *Node) isConstant() bool { return n.Op() == "Constant" && len(n.Outputs) > 0 }

// attribute is the part of an attribute that may hold weights.
type attribute struct {
	name   string
	values []wire.Field // every field except the name
	graphs []wire.Field
	ref    string // the attribute of the function's call that has the value; "" if it is here
}

func (s *scanner) scanAttribute(g *Graph, n *Node, af wire.Field, within []wire.Field) error {
	if err := bytesField(af); err != nil {
		return err
	}
	var a attribute
	for f, err := range s.source.Fields(af.Body) {
		if err != nil {
			return err
		}
		switch f.Num {
		case attrName:
			a.name, err = s.text(f)
		case attrReference:
			a.ref, err = s.text(f)
		case attrG, attrGraphs:
			a.graphs = append(a.graphs, f)
		case attrF, attrI, attrS, attrT, attrFloats, attrInts, attrStrings, attrTensors, attrSparse, attrSparseTensors:
			a.values = append(a.values, f)
			err = s.checkNested(attributeProto, f)
		default:
			err = s.checkNested(attributeProto, f)
		}
		if err != nil {
			return err
		}
	}
	if err := s.scanNumbers(n, a); err != nil {
		return err
	}
	within = append(within[:len(within):len(within)], af)
	if n.isConstant() {
		if err := s.scanConstant(g, n, a, within); err != nil {
			return err
		}
	} else {
		s.noteUnread(n, a)
	}
	for i, f := range a.graphs {
		path := strings.TrimPrefix(fmt.Sprintf("%s/%s.%s", g.Scope, n.result(), a.name), "/")
		if len(a.graphs) > 1 {
			path = fmt.Sprintf("%s[%d]", path, i)
		}
		sub, err := s.scanGraph(f, path, within, g)
		if err != nil {
			return err
		}
		n.Subgraphs = append(n.Subgraphs, sub)
	}
	return nil
}

// maxNumbers bounds the integers of an attribute that are kept: axes and strides are, tables of decision trees are
// not.
const maxNumbers = 64

// scanNumbers keeps the attribute if it is one number, a short text, a short list of integers, or a list of floats.
func (s *scanner) scanNumbers(n *Node, a attribute) error {
	if a.ref != "" {
		set(&n.References, a.name, a.ref)
	}
	var ints []int64
	list, isList := fnv.New64a(), false
	for _, f := range a.values {
		var err error
		switch {
		case f.Num == attrF && f.Type == protowire.Fixed32Type:
			set(&n.Floats, a.name, math.Float32frombits(uint32(f.Value)))
		case f.Num == attrS && f.Type == protowire.BytesType && f.Body.Len <= maxNumbers:
			var text string
			text, err = s.text(f)
			set(&n.Strings, a.name, text)
		case f.Num == attrFloats && f.Type == protowire.Fixed32Type:
			isList = true
			err = binary.Write(list, binary.LittleEndian, uint32(f.Value))
		case f.Num == attrFloats && f.Type == protowire.BytesType:
			isList = true
			_, err = io.Copy(list, io.NewSectionReader(s.source, f.Body.Off, f.Body.Len))
		case (f.Num == attrI || f.Num == attrInts) && f.Type == protowire.VarintType:
			ints = append(ints, int64(f.Value))
		case f.Num == attrInts && f.Type == protowire.BytesType && f.Body.Len <= 10*maxNumbers:
			ints, err = s.scanDims(ints, f)
		}
		if err != nil {
			return err
		}
	}
	if isList {
		set(&n.Lists, a.name, list.Sum64())
	}
	if ints != nil && len(ints) <= maxNumbers {
		set(&n.Ints, a.name, ints)
	}
	return nil
}

// set sets an entry of a map that may be nil.
func set[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

// noteUnread records tensors in attributes of operators other than Constant, such as coefficients of a custom
// operator, which are copied without being read. The value of ConstantOfShape is not a weight.
func (s *scanner) noteUnread(n *Node, a attribute) {
	for _, f := range a.values {
		switch f.Num {
		case attrT, attrTensors, attrSparse, attrSparseTensors:
			what := fmt.Sprintf("a tensor in attribute %q of %s", a.name, n.OpType)
			if n.OpType != "ConstantOfShape" && !s.unread[what] {
				s.unread[what] = true
				s.model.Unread = append(s.model.Unread, what)
			}
			return
		}
	}
}

// scanConstant reads the attribute of a Constant node. Fields that do not belong to the attribute's name are ignored,
// as runtimes do.
func (s *scanner) scanConstant(g *Graph, n *Node, a attribute, within []wire.Field) error {
	form, ok := constantForms[a.name]
	if !ok {
		return nil
	}
	var values []wire.Field
	for _, f := range a.values {
		if f.Num == form.field {
			values = append(values, f)
		}
	}
	if len(values) == 0 && !form.isList {
		return nil
	}
	var t *Tensor
	var err error
	switch {
	case form.field == attrT:
		t, err = s.scanTensor(values[len(values)-1], within)
	case form.field == attrSparse:
		t, err = s.scanSparse(values[len(values)-1], within)
	default:
		t, err = s.plainConstant(form, values, within)
	}
	if err != nil {
		return err
	}
	t.Site, t.Scope, t.Name = Constant, g.Scope, n.Outputs[0]
	return s.add(t)
}

// constantForm is one of the forms of a Constant node's value.
type constantForm struct {
	field  protowire.Number
	dtype  DType
	isList bool
}

var constantForms = map[string]constantForm{
	"value":         {field: attrT},
	"sparse_value":  {field: attrSparse},
	"value_float":   {attrF, Float32, false},
	"value_floats":  {attrFloats, Float32, true},
	"value_int":     {attrI, Int64, false},
	"value_ints":    {attrInts, Int64, true},
	"value_string":  {attrS, String, false},
	"value_strings": {attrStrings, String, true},
}

// plainConstant returns the tensor of a value that is not a TensorProto: a scalar or a list of one axis.
func (s *scanner) plainConstant(form constantForm, values []wire.Field, within []wire.Field) (*Tensor, error) {
	t := &Tensor{model: s.model, DType: form.dtype, Store: Attribute}
	last := len(within) - 1
	t.around, t.place = within[:last], within[last].Place()
	if !form.isList { // the last one counts, as protobuf specifies
		values = values[len(values)-1:]
	}
	count := int64(0)
	for _, f := range values {
		if err := checkWireType(f, form.dtype); err != nil {
			return nil, err
		}
		if f.Type == protowire.BytesType && form.dtype != String {
			if !form.isList {
				return nil, formatf("field %d at byte %d has wire type %d", f.Num, f.Start, f.Type)
			}
			n, err := s.countPacked(f, form.dtype)
			if err != nil {
				return nil, err
			}
			count += n
		} else {
			count++
		}
		if f.Body.Len > 0 || form.dtype == String {
			t.pieces = append(t.pieces, f.Body)
		}
	}
	if form.isList {
		t.Dims = []int64{count}
	}
	return t, nil
}

func (s *scanner) countPacked(f wire.Field, dtype DType) (int64, error) {
	if dtype == Float32 {
		return f.Body.Len / 4, nil // a remainder is refused when the tensor is checked
	}
	_, n, err := newVarints(s.source, []wire.Span{f.Body}, 8)
	return n, err
}

// checkWireType refuses a field whose wire type cannot hold elements of dtype.
func checkWireType(f wire.Field, dtype DType) error {
	single := protowire.VarintType
	switch dtype {
	case Float32, Complex64:
		single = protowire.Fixed32Type
	case Float64, Complex128:
		single = protowire.Fixed64Type
	case String:
		single = protowire.BytesType
	}
	if f.Type != single && f.Type != protowire.BytesType {
		return formatf("field %d at byte %d has wire type %d", f.Num, f.Start, f.Type)
	}
	return nil
}
