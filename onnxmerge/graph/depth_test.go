package graph_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// Depth follows the graph: 0 in the first layer, 1 in the last, never falling along the
// way, and a bias has that of its matrix, whether it is an operand or an operator of its
// own.
func TestPlaces(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "pretrained.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := graph.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"fc1.weight": 0, "fc1.bias": 0, "fc2.weight": 1, "fc2.bias": 1}
	places := m.Places()
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
