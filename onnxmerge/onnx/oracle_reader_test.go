package onnx_test

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// The oracle is an independent reader of ONNX files: it decodes the whole message by ONNX's own descriptor and
// extracts the tensors as the comments of onnx.proto specify.

// oracleTensor is a tensor as the oracle reads it.
type oracleTensor struct {
	id        string
	site      onnx.Site
	store     onnx.Store
	dtype     onnx.DType
	dims      []int64
	payload   []byte   // little-endian, as in raw_data
	strings   []string // instead of payload
	indices   *oracleTensor
	denseDims []int64
}

// elements returns the number of elements.
func (w *oracleTensor) elements() int64 {
	n := int64(1)
	for _, d := range w.dims {
		n *= d
	}
	return n
}

// onnxModel is the descriptor of ModelProto. Floating-point fields are read as integers of their size, which have the
// same encoding, because protoreflect would convert them through float64 and quiet signalling NaNs.
var onnxModel = sync.OnceValues(func() (protoreflect.MessageDescriptor, error) {
	data, err := os.ReadFile("testdata/onnx.desc")
	if err != nil {
		return nil, err
	}
	file := &descriptorpb.FileDescriptorProto{}
	if err := proto.Unmarshal(data, file); err != nil {
		return nil, err
	}
	for _, m := range file.MessageType {
		for _, f := range m.Field {
			switch f.GetType() {
			case descriptorpb.FieldDescriptorProto_TYPE_FLOAT:
				f.Type = descriptorpb.FieldDescriptorProto_TYPE_FIXED32.Enum()
			case descriptorpb.FieldDescriptorProto_TYPE_DOUBLE:
				f.Type = descriptorpb.FieldDescriptorProto_TYPE_FIXED64.Enum()
			}
		}
	}
	desc, err := protodesc.NewFile(file, nil)
	if err != nil {
		return nil, err
	}
	return desc.Messages().ByName("ModelProto"), nil
})

// message returns the fields of a decoded message by their names in onnx.proto.
type message struct{ protoreflect.Message }

func (m message) field(name string) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (m message) has(name string) bool {
	return m.Has(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (m message) text(name string) string { return m.field(name).String() }

func (m message) message(name string) message { return message{m.field(name).Message()} }

func (m message) messages(name string) []message {
	var all []message
	for list, i := m.field(name).List(), 0; i < list.Len(); i++ {
		all = append(all, message{list.Get(i).Message()})
	}
	return all
}

func (m message) int64s(name string) []int64 {
	var all []int64
	for list, i := m.field(name).List(), 0; i < list.Len(); i++ {
		all = append(all, list.Get(i).Int())
	}
	return all
}

// texts reads a list of bytes or strings.
func (m message) texts(name string) []string {
	var all []string
	for list, i := m.field(name).List(), 0; i < list.Len(); i++ {
		switch v := list.Get(i).Interface().(type) {
		case []byte:
			all = append(all, string(v))
		case string:
			all = append(all, v)
		}
	}
	return all
}

// oracle collects the tensors of one file.
type oracle struct {
	dir     string // folder of external data
	tensors []*oracleTensor
}

// oracleRead reads the model data, whose external data lies in dir.
func oracleRead(data []byte, dir string) (tensors []*oracleTensor, err error) {
	desc, err := onnxModel()
	if err != nil {
		return nil, err
	}
	decoded := dynamicpb.NewMessage(desc)
	if err := proto.Unmarshal(data, decoded); err != nil {
		return nil, err
	}
	o, model := &oracle{dir: dir}, message{decoded}
	if err := o.graph("", model.message("graph")); err != nil {
		return nil, err
	}
	for _, f := range model.messages("functions") {
		scope := "functions/" + f.text("domain") + "." + f.text("name")
		if overload := f.text("overload"); overload != "" {
			scope += ":" + overload
		}
		if err := o.nodes(scope, f.messages("node")); err != nil {
			return nil, err
		}
	}
	return o.tensors, nil
}

func (o *oracle) graph(scope string, g message) error {
	if err := o.nodes(scope, g.messages("node")); err != nil {
		return err
	}
	for _, t := range g.messages("initializer") {
		if err := o.add(scope, t.text("name"), onnx.Initializer)(o.tensor(t)); err != nil {
			return err
		}
	}
	for _, s := range g.messages("sparse_initializer") {
		name := s.message("values").text("name")
		if err := o.add(scope, name, onnx.SparseInitializer)(o.sparse(s)); err != nil {
			return err
		}
	}
	return nil
}

// add returns a function that adds a tensor, or prefixes its error with the tensor's name.
func (o *oracle) add(scope, name string, site onnx.Site) func(*oracleTensor, error) error {
	return func(w *oracleTensor, err error) error {
		id := strings.TrimPrefix(scope+"/"+name, "/")
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		w.id, w.site = id, site
		o.tensors = append(o.tensors, w)
		return nil
	}
}

func (o *oracle) nodes(scope string, nodes []message) error {
	for _, n := range nodes {
		outputs := n.texts("output")
		result := n.text("name")
		if len(outputs) > 0 {
			result = outputs[0]
		}
		domain := n.text("domain")
		isConstant := n.text("op_type") == "Constant" && (domain == "" || domain == "ai.onnx")
		for _, a := range n.messages("attribute") {
			if isConstant && !a.has("ref_attr_name") {
				if err := o.add(scope, result, onnx.Constant)(o.constant(a)); err != nil {
					return err
				}
			}
			graphs := a.messages("graphs")
			if a.has("g") {
				graphs = append([]message{a.message("g")}, graphs...)
			}
			for i, g := range graphs {
				inner := strings.TrimPrefix(scope+"/"+result+"."+a.text("name"), "/")
				if len(graphs) > 1 {
					inner += fmt.Sprintf("[%d]", i)
				}
				if err := o.graph(inner, g); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
