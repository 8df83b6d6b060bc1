package onnx_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// Operators are in an order of the computation, whatever that of the file is; a graph with a cycle is refused by name.
func TestOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		nodes [][3]string // output and two inputs
		want  string
		wrong string
	}{
		{"ordered", [][3]string{{"h", "x", "x"}, {"y", "h", "x"}}, "h y", ""},
		{"reversed", [][3]string{{"y", "h", "x"}, {"h", "x", "x"}}, "h y", ""},
		{"appended", [][3]string{{"a", "x", "x"}, {"c", "a", "b"}, {"y", "d", "a"}, {"d", "c", "b"}, {"b", "x", "x"}},
			"a b c d y", ""},
		{"itself", [][3]string{{"y", "y", "x"}}, "", `operator "y" (Add) depends on its own output`},
		{"two", [][3]string{{"a", "b", "x"}, {"b", "a", "x"}, {"y", "x", "x"}}, "", "depends on its own output"},
	} {
		var b onnxtest.Builder
		for _, n := range c.nodes {
			b.Node(n[0], "Add", n[1], n[2])
		}
		data := b.Bytes()
		m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.wrong)
		}
		if err != nil {
			continue
		}
		if got := order(m.Graph); got != c.want {
			t.Errorf("%s: order %q, want %q", c.name, got, c.want)
		}
		for i, n := range m.Graph.Nodes {
			if m.Graph.Producer(n.Outputs[0]) != &m.Graph.Nodes[i] {
				t.Errorf("%s: another operator counts as that of %s", c.name, n.Outputs[0])
			}
		}
		var written bytes.Buffer
		if err := m.Rewrite(t.Context(), &written, nil, 1); err != nil || !bytes.Equal(written.Bytes(), data) {
			t.Errorf("%s: the written file is another one (%v)", c.name, err)
		}
	}
}

// order returns the results of a graph's operators in their order.
func order(g *onnx.Graph) string {
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Outputs[0])
	}
	return strings.Join(names, " ")
}

// What a graph inside an operator takes from outside comes before the operator. A name that the inner graph defines itself is
// its own.
func TestOrderOfCapturedValues(t *testing.T) {
	t.Parallel()
	inner := func(result string, ins ...string) onnxtest.Attr {
		var b onnxtest.Builder
		b.Node("own", "Add", "late", "x")
		b.Node(result, "Add", ins...)
		b.Output(result)
		return onnxtest.Attr{Name: "then_branch", Value: b.Graph()}
	}
	for _, c := range []struct {
		name, want string
		body       onnxtest.Attr
	}{
		{"captured", "late y", inner("z", "own", "x")},
		{"its own", "y late", inner("late", "x", "x")},
	} {
		var b onnxtest.Builder
		b.Call([]string{"y"}, "", "If", []string{"x"}, c.body)
		b.Node("late", "Add", "x", "x")
		m := b.Open(t)
		if got := order(m.Graph); got != c.want {
			t.Errorf("%s: order %q, want %q", c.name, got, c.want)
		}
	}
}
