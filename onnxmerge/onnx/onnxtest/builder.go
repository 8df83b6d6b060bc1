package onnxtest

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Builder writes a small model. The zero Builder has opset 17 and, unless Input or Output was called, one input x and
// one output y.
type Builder struct {
	graph   []byte
	imports []byte // beside ai.onnx
	inputs  int
	outputs int
}

// Attr is an attribute of a node: an int64, []int64, float64, []float64, string or [Graph].
type Attr struct {
	Name  string
	Value any
}

// Tensor adds a float32 initializer.
func (b *Builder) Tensor(name string, values []float64, dims ...int) {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
	}
	b.tensor(name, 1, raw, dims)
}

// Int8 adds an int8 initializer.
func (b *Builder) Int8(name string, values []int8, dims ...int) {
	var raw []byte
	for _, v := range values {
		raw = append(raw, byte(v))
	}
	b.tensor(name, 3, raw, dims)
}

// Int64 adds an int64 initializer.
func (b *Builder) Int64(name string, values []int64, dims ...int) {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	b.tensor(name, 7, raw, dims)
}

// External adds a float32 initializer whose payload is in a data file.
func (b *Builder) External(name, file string, offset int, dims ...int) {
	var t []byte
	size := 4
	for _, d := range dims {
		t, size = number(t, 1, uint64(d)), size*d
	}
	t = text(number(t, 2, 1), 8, name)
	for _, entry := range [][2]string{{"location", file}, {"offset", strconv.Itoa(offset)}, {"length", strconv.Itoa(size)}} {
		t = text(t, 13, string(text(text(nil, 1, entry[0]), 2, entry[1])))
	}
	b.graph = text(b.graph, 5, string(number(t, 14, 1)))
}

func (b *Builder) tensor(name string, dtype uint64, raw []byte, dims []int) {
	var t []byte
	for _, d := range dims {
		t = number(t, 1, uint64(d))
	}
	t = text(text(number(t, 2, dtype), 8, name), 9, string(raw))
	b.graph = text(b.graph, 5, string(t))
}

// Node adds an operator of ai.onnx with one output.
func (b *Builder) Node(out, op string, ins ...string) { b.Call([]string{out}, "", op, ins) }

// Call adds an operator of any domain.
func (b *Builder) Call(outs []string, domain, op string, ins []string, attrs ...Attr) {
	var n []byte
	for _, in := range ins {
		n = text(n, 1, in)
	}
	for _, out := range outs {
		n = text(n, 2, out)
	}
	n = text(n, 4, op)
	for _, a := range attrs {
		n = text(n, 5, string(a.encode()))
	}
	if domain != "" {
		n = text(n, 7, domain)
		b.imports = text(b.imports, 8, string(number(text(nil, 1, domain), 2, 1)))
	}
	b.graph = text(b.graph, 1, string(n))
}

func (a Attr) encode() []byte {
	f := text(nil, 1, a.Name)
	switch v := a.Value.(type) {
	case int64:
		return number(number(f, 3, uint64(v)), 20, 2)
	case []int64:
		for _, i := range v {
			f = number(f, 8, uint64(i))
		}
		return number(f, 20, 7)
	case float64:
		f = protowire.AppendFixed32(protowire.AppendTag(f, 2, protowire.Fixed32Type), math.Float32bits(float32(v)))
		return number(f, 20, 1)
	case []float64:
		for _, x := range v {
			f = protowire.AppendFixed32(protowire.AppendTag(f, 7, protowire.Fixed32Type), math.Float32bits(float32(x)))
		}
		return number(f, 20, 6)
	case string:
		return number(text(f, 4, v), 20, 3)
	case Graph:
		return number(text(f, 6, string(v)), 20, 5)
	}
	panic("onnxtest: unknown type of attribute")
}

// Input adds an input of type float32 with the given axes; -1 is a free one.
func (b *Builder) Input(name string, dims ...int) {
	b.graph = text(b.graph, 11, string(value(name, dims)))
	b.inputs++
}

// Output adds an output of type float32 with the given axes, or of no declared type without any.
func (b *Builder) Output(name string, dims ...int) {
	declared := text(nil, 1, name)
	if len(dims) > 0 {
		declared = value(name, dims)
	}
	b.graph = text(b.graph, 12, string(declared))
	b.outputs++
}

// value encodes a ValueInfoProto.
func value(name string, dims []int) []byte {
	var shape []byte
	for _, d := range dims {
		dim := text(nil, 2, "n")
		if d >= 0 {
			dim = number(nil, 1, uint64(d))
		}
		shape = text(shape, 1, string(dim))
	}
	tensor := text(number(nil, 1, 1), 2, string(shape))
	return text(text(nil, 1, name), 2, string(text(nil, 1, string(tensor))))
}

// Graph is an encoded graph inside a node.
type Graph []byte

// Graph returns the graph as the body of a node, with the inputs and outputs that were added.
func (b *Builder) Graph() Graph { return b.graph }

// Bytes returns the model.
func (b *Builder) Bytes() []byte {
	g := b.graph
	if b.inputs == 0 {
		g = text(g, 11, string(text(nil, 1, "x")))
	}
	if b.outputs == 0 {
		g = text(g, 12, string(text(nil, 1, "y")))
	}
	opset := text(nil, 8, string(number(text(nil, 1, ""), 2, 17)))
	return append(append(text(number(nil, 1, 8), 7, string(g)), opset...), b.imports...)
}

// Open opens the model.
func (b *Builder) Open(t testing.TB) *onnx.Model {
	t.Helper()
	data := b.Bytes()
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

func number(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// Random returns n standard normal numbers of a seed.
func Random(seed uint64, n int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}

// Near adds normal numbers of standard deviation .1, as fine-tuning does.
func Near(values []float64, seed uint64) []float64 {
	out := Random(seed, len(values))
	for i, v := range values {
		out[i] = v + out[i]/10
	}
	return out
}
