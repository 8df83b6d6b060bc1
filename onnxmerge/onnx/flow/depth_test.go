package flow_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Depth is 0 in the first layer and 1 in the last, never decreases along the data flow, and a bias has the depth of
// its matrix, both as an operand and as an operator of its own.
func TestPlaces(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "pretrained.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"fc1.weight": 0, "fc1.bias": 0, "fc2.weight": 1, "fc2.bias": 1}
	places := flow.Places(m)
	seen := 0
	for tensor, p := range places {
		if depth, ok := want[tensor.ID()]; ok {
			seen++
			if p.Depth != depth {
				t.Errorf("%s has depth %g, want %g", tensor.ID(), p.Depth, depth)
			}
			if len(p.Ops) != 1 {
				t.Errorf("%s is used by %v", tensor.ID(), p.Ops)
			}
		}
	}
	if seen != len(want) || len(places) != len(m.Tensors) {
		t.Errorf("%d of %d tensors were seen", seen, len(want))
	}
}

// chain is a model of MatMul nodes, each {input, weight, output}, whose weights are 2 x 2.
func chain(t *testing.T, nodes [][3]string) *onnx.Model {
	t.Helper()
	message := func(b []byte, num protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), m)
	}
	number := func(b []byte, num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
	}
	var g []byte
	weights := map[string]bool{}
	for _, n := range nodes {
		node := message(message(message(nil, 1, []byte(n[0])), 1, []byte(n[1])), 2, []byte(n[2]))
		g = message(g, 1, message(node, 4, []byte("MatMul")))
		weights[n[1]] = true
	}
	for name := range weights {
		w := number(number(number(nil, 1, 2), 1, 2), 2, 1) // TensorProto.dims, data_type
		g = message(g, 5, message(message(w, 8, []byte(name)), 9, make([]byte, 16)))
	}
	g = message(message(g, 11, message(nil, 1, []byte("x"))), 12, message(nil, 1, []byte("y")))
	data := message(nil, 7, g)
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A weight with two uses has the depth of the use nearer to the input, in any file order.
func TestDepthOfATiedWeight(t *testing.T) {
	t.Parallel()
	deep := [][3]string{{"x", "first", "a"}, {"a", "second", "b"}, {"b", "tied", "y"}}
	near := [][3]string{{"x", "tied", "z"}}
	for name, nodes := range map[string][][3]string{"near use first": append(near[:1:1], deep...),
		"deep use first": append(deep[:3:3], near...)} {
		m := chain(t, nodes)
		places := flow.Places(m)
		for id, want := range map[string]float64{"first": 0, "second": 0.5, "tied": 0} {
			if got := places[m.Lookup(id)].Depth; got != want {
				t.Errorf("%s: %s has depth %g, want %g", name, id, got, want)
			}
		}
	}
}
