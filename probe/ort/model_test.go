package ort_test

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/probe/ort"
)

// port is an input or an output of a test's graph. An axis of length -1 has any length.
type port struct {
	name     string
	dtype    ort.ElementType
	shape    []int64
	sequence bool // of such arrays
}

// node is one with the attributes of these operators: the type of Cast, the body of Loop.
type node struct {
	op      string
	in, out []string
	to      ort.ElementType
	body    []byte
}

// modelOf returns the bytes of a model of opset 17.
func modelOf(inputs, outputs []port, nodes ...node) []byte {
	const irVersion, opset, graph, imports, version = 1, 17, 7, 8, 2
	model := protowire.AppendTag(nil, irVersion, protowire.VarintType)
	model = protowire.AppendVarint(model, 8)
	model = message(model, graph, graphOf(inputs, outputs, nodes...))
	return message(model, imports, protowire.AppendVarint(protowire.AppendTag(nil, version, protowire.VarintType), opset))
}

func graphOf(inputs, outputs []port, nodes ...node) []byte {
	var b []byte
	for _, n := range nodes {
		b = message(b, 1, n.encode()) // GraphProto.node
	}
	b = message(b, 2, []byte("graph"))
	for _, p := range inputs {
		b = message(b, 11, p.encode())
	}
	for _, p := range outputs {
		b = message(b, 12, p.encode())
	}
	return b
}

func (n node) encode() []byte {
	var b []byte
	for _, name := range n.in {
		b = message(b, 1, []byte(name))
	}
	for _, name := range n.out {
		b = message(b, 2, []byte(name))
	}
	b = message(b, 4, []byte(n.op))
	if n.to != 0 {
		const ofInt = 2
		b = message(b, 5, attribute("to", ofInt, varint(3, uint64(n.to))))
	}
	if n.body != nil {
		const ofGraph = 5
		b = message(b, 5, attribute("body", ofGraph, message(nil, 6, n.body)))
	}
	return b
}

// attribute is an AttributeProto of a type, with the field that holds the value.
func attribute(name string, kind uint64, field []byte) []byte {
	return append(append(message(nil, 1, []byte(name)), field...), varint(20, kind)...)
}

// encode returns a ValueInfoProto: name, type.tensor_type.elem_type, type.tensor_type.shape.dim.
func (p port) encode() []byte {
	var shape []byte
	for i, d := range p.shape {
		dim := varint(1, uint64(d))
		if d < 0 {
			dim = message(nil, 2, []byte{byte('m' + i)})
		}
		shape = message(shape, 1, dim)
	}
	tensor := message(varint(1, uint64(p.dtype)), 2, shape)
	dtype := message(nil, 1, tensor)
	if p.sequence {
		dtype = message(nil, 4, message(nil, 1, dtype)) // sequence_type.elem_type
	}
	return message(message(nil, 1, []byte(p.name)), 2, dtype)
}

func message(b []byte, field protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), data)
}

func varint(field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
}

// castModel converts an array x of any shape of a rank into y.
func castModel(from, to ort.ElementType, rank int) []byte {
	shape := make([]int64, rank)
	for i := range shape {
		shape[i] = -1
	}
	return modelOf([]port{{name: "x", dtype: from, shape: shape}}, []port{{name: "y", dtype: to, shape: shape}},
		node{op: "Cast", in: []string{"x"}, out: []string{"y"}, to: to})
}

// loopModel doubles v as often as the number n says.
func loopModel() []byte {
	single := []int64{1}
	body := graphOf(
		[]port{{name: "i", dtype: ort.Int64, shape: nil}, {name: "go", dtype: ort.Bool, shape: nil}, {name: "v", dtype: ort.Float32, shape: single}},
		[]port{{name: "still", dtype: ort.Bool, shape: nil}, {name: "twice", dtype: ort.Float32, shape: single}},
		node{op: "Identity", in: []string{"go"}, out: []string{"still"}},
		node{op: "Add", in: []string{"v", "v"}, out: []string{"twice"}})
	return modelOf([]port{{name: "n", dtype: ort.Int64, shape: nil}, {name: "v", dtype: ort.Float32, shape: single}}, []port{{name: "y", dtype: ort.Float32, shape: single}},
		node{op: "Loop", in: []string{"n", "", "v"}, out: []string{"y"}, body: body})
}
