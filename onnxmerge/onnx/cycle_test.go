package onnx_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// A graph with a cycle is refused by name; operators in another order than that of the computation are accepted.
func TestCycles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		nodes [][3]string // output and two inputs
		wrong string
	}{
		{"ordered", [][3]string{{"h", "x", "x"}, {"y", "h", "x"}}, ""},
		{"reversed", [][3]string{{"y", "h", "x"}, {"h", "x", "x"}}, ""},
		{"itself", [][3]string{{"y", "y", "x"}}, `operator "y" (Add) depends on its own output`},
		{"two", [][3]string{{"a", "b", "x"}, {"b", "a", "x"}, {"y", "x", "x"}}, "depends on its own output"},
	} {
		var b onnxtest.Builder
		for _, n := range c.nodes {
			b.Node(n[0], "Add", n[1], n[2])
		}
		data := b.Bytes()
		_, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.wrong)
		}
	}
}
