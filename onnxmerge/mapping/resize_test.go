package mapping

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// layers are a network whose head has a number of classes: hidden 6 -> 4, head 4 -> classes, or wider layers.
func network(t *testing.T, seed float64, hidden, classes int) (values map[string][]float32, rows map[string]int64) {
	t.Helper()
	return map[string][]float32{
		"hidden.weight": sequence(hidden*6, seed), "hidden.bias": sequence(hidden, seed+1),
		"head.weight": sequence(classes*hidden, seed+2), "head.bias": sequence(classes, seed+3),
		"next.weight": sequence(2*5, 40), "table.weight": sequence(classes*hidden, seed+4),
	}, map[string]int64{"hidden.weight": int64(hidden), "head.weight": int64(classes), "next.weight": 2, "table.weight": int64(classes)}
}

// TestOtherClasses gives models the head of a checkpoint with three classes in place of five, and refuses what is no head.
func TestOtherClasses(t *testing.T) {
	t.Parallel()
	const hidden, classes, tuned = 4, 5, 3
	stored, _ := network(t, 1, hidden, classes)
	tensor := func(b *onnxtest.Builder, name string, dims ...int) { b.Tensor(name, widened(stored[name]), dims...) }
	turned := func(b *onnxtest.Builder, name string, rows, n int) {
		b.Tensor(name, widened(columns(stored[name], rows, n)), n, rows)
	}
	trunk := func(b *onnxtest.Builder) {
		b.Input("x", -1, 6)
		tensor(b, "hidden.weight", hidden, 6)
		tensor(b, "hidden.bias", hidden)
		b.Call([]string{"h"}, "", "Gemm", []string{"x", "hidden.weight", "hidden.bias"}, onnxtest.Attr{Name: "transB", Value: int64(1)})
	}
	gemm := func(b *onnxtest.Builder, out string) {
		tensor(b, "head.weight", classes, hidden)
		tensor(b, "head.bias", classes)
		b.Call([]string{out}, "", "Gemm", []string{"h", "head.weight", "head.bias"}, onnxtest.Attr{Name: "transB", Value: int64(1)})
	}
	for name, test := range map[string]struct {
		build  func(b *onnxtest.Builder)
		hidden int    // of the other checkpoint; 0 is as before
		want   string // the refusal, or "" for one of none
	}{
		"Gemm": {func(b *onnxtest.Builder) { trunk(b); gemm(b, "y") }, 0, ""},
		"Gemm and Softmax": {func(b *onnxtest.Builder) {
			trunk(b)
			gemm(b, "scores")
			b.Node("y", "Softmax", "scores")
		}, 0, ""},
		"MatMul and Add": {func(b *onnxtest.Builder) {
			trunk(b)
			turned(b, "head.weight", classes, hidden)
			tensor(b, "head.bias", classes)
			b.Node("product", "MatMul", "h", "head.weight")
			b.Node("y", "Add", "head.bias", "product")
		}, 0, ""},
		"Transpose and MatMul": {func(b *onnxtest.Builder) {
			trunk(b)
			tensor(b, "head.weight", classes, hidden)
			tensor(b, "head.bias", classes)
			b.Node("turned", "Transpose", "head.weight")
			b.Node("product", "MatMul", "h", "turned")
			b.Node("y", "Add", "product", "head.bias")
		}, 0, ""},
		"a bias that stays": {func(b *onnxtest.Builder) {
			trunk(b)
			turned(b, "head.weight", classes, hidden)
			b.Tensor("offsets", []float64{1, 2, 3, 4, 5}, classes)
			b.Node("product", "MatMul", "h", "head.weight")
			b.Node("y", "Add", "product", "offsets")
		}, 0, `the operator Add that gives "y"`},
		"a layer behind the scores": {func(b *onnxtest.Builder) {
			trunk(b)
			gemm(b, "scores")
			tensor(b, "next.weight", 2, 5)
			b.Call([]string{"y"}, "", "Gemm", []string{"scores", "next.weight"}, onnxtest.Attr{Name: "transB", Value: int64(1)})
		}, 0, `the operator Gemm that gives "y"`},
		"a table": {func(b *onnxtest.Builder) {
			trunk(b)
			tensor(b, "table.weight", classes, hidden)
			b.Int64("row", []int64{1})
			b.Node("vector", "Gather", "table.weight", "row")
			b.Node("y", "Add", "h", "vector")
		}, 0, `the operator Gather that gives "vector"`},
		"a wider layer": {func(b *onnxtest.Builder) { trunk(b); gemm(b, "y") }, 7, `"head.weight" differs in several axes`},
		"an output": {func(b *onnxtest.Builder) {
			trunk(b)
			gemm(b, "y")
			b.Output("head.bias")
		}, 0, `"head.bias" is an output of the model`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &onnxtest.Builder{}
			test.build(b)
			b.Output("y", -1, classes)
			m := b.Open(t)
			values, rows := network(t, 1, hidden, classes)
			base := tensors(t, values, rows)
			if test.hidden == 0 {
				test.hidden = hidden
			}
			values, rows = network(t, 1.001, test.hidden, tuned)
			bound, out, _ := applyTo(t, m, base, tensors(t, values, rows))
			if test.want != "" {
				if len(bound.Resized) > 0 || len(bound.Refused) == 0 || !strings.Contains(bound.Refused[0].Reason, test.want) {
					t.Errorf("%v replaced, refused %v, want %s", bound.Resized, bound.Refused, test.want)
				}
				return
			}
			if len(bound.Refused) > 0 || len(bound.Resized) != 2 {
				t.Fatalf("refused %v, %d replaced", bound.Refused, len(bound.Resized))
			}
			checkHead(t, out, values["head.weight"], values["head.bias"])
			if got := fmt.Sprint(out.Graph.Outputs[0].Shape); got != "[n 3]" {
				t.Errorf("the output has the shape %s, want [n 3]", got)
			}
		})
	}
}

// checkHead compares the head of a model with its weights, in either order of the axes.
func checkHead(t *testing.T, m *onnx.Model, weight, bias []float32) {
	t.Helper()
	n := len(bias)
	stored := func(name string, dims []int64, want []float32) bool {
		x := m.LookupIn(m.Graph.Scope, name)
		if x == nil || !slices.Equal(x.Dims, dims) {
			return false
		}
		raw := make([]byte, x.SizeBytes())
		if err := x.ReadAt(raw, 0); err != nil {
			t.Fatal(err)
		}
		return slices.Equal(raw, onnx.Float32Bytes(want))
	}
	hidden := len(weight) / n
	if !stored("head.bias", []int64{int64(n)}, bias) ||
		!stored("head.weight", []int64{int64(n), int64(hidden)}, weight) &&
			!stored("head.weight", []int64{int64(hidden), int64(n)}, columns(weight, n, hidden)) {
		t.Errorf("the head is not that of the other checkpoint")
	}
}

// TestOtherClassesGuessed refuses a head with other classes, by name, if the checkpoint of the model is not known.
func TestOtherClassesGuessed(t *testing.T) {
	t.Parallel()
	b := &onnxtest.Builder{}
	b.Input("x", -1, 6)
	values, _ := network(t, 1, 4, 5)
	b.Tensor("hidden.weight", widened(values["hidden.weight"]), 4, 6)
	b.Tensor("head.weight", widened(columns(values["head.weight"], 5, 4)), 4, 5)
	b.Tensor("onnx::Add_9", widened(values["head.bias"]), 5)
	b.Node("turned", "Transpose", "hidden.weight")
	b.Node("h", "MatMul", "x", "turned")
	b.Node("product", "MatMul", "h", "head.weight")
	b.Node("y", "Add", "product", "onnx::Add_9")
	b.Output("y", -1, 5)
	values, rows := network(t, 1.001, 4, 3)
	tuned := tensors(t, values, rows)
	found, err := Guess(context.Background(), b.Open(t), tuned, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := found.Bind(context.Background(), tuned, tuned)
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]string{}
	for _, r := range bound.Refused {
		refused[r.Tensor.Name] = r.Reason
	}
	if len(bound.Resized) > 0 || len(refused) != 2 || len(bound.Mapped) != 1 || bound.Mapped[0].Tensor.Name != "hidden.weight" {
		t.Errorf("%d are replaced, %d mapped, refused are %v", len(bound.Resized), len(bound.Mapped), refused)
	}
	for name, want := range map[string]string{"head.weight": "the shape [3 4] in place of [4 5]: a head with another number of classes",
		"onnx::Add_9": "no tensor of the checkpoint is near"} {
		if !strings.Contains(refused[name], want) {
			t.Errorf("%s is refused because %q, want %q", name, refused[name], want)
		}
	}
}

// TestOtherClassesKept keeps a model whole if its head cannot be replaced, and what cannot be is kept.
func TestOtherClassesKept(t *testing.T) {
	t.Parallel()
	b := &onnxtest.Builder{}
	b.Input("x", -1, 4)
	values, rows := network(t, 1, 4, 5)
	b.Tensor("head.weight", widened(columns(values["head.weight"], 5, 4)), 4, 5)
	b.Tensor("head.bias", widened(values["head.bias"]), 5)
	b.Node("product", "MatMul", "x", "head.weight")
	b.Node("sum", "Add", "product", "head.bias")
	b.Node("y", "CumSum", "sum", "axis")
	b.Int64("axis", []int64{1})
	b.Output("y", -1, 5)
	m := b.Open(t)
	base := tensors(t, values, rows)
	found, err := Find(context.Background(), m, base, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	values, rows = network(t, 1.001, 4, 3)
	bound, err := found.Bind(context.Background(), base, tensors(t, values, rows))
	if err != nil {
		t.Fatal(err)
	}
	list, change, err := bound.Weights()
	if err != nil || len(list) > 0 || !change.IsZero() || len(bound.Refused) != 2 {
		t.Errorf("%d weights and %+v are written, %d refused (%v)", len(list), change, len(bound.Refused), err)
	}
}
