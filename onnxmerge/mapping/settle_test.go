package mapping

import (
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// branches returns a model with an If whose branches each have a tensor of a name, of the same elements.
func branches(t *testing.T, values []float32, then, otherwise string) *onnx.Model {
	t.Helper()
	branch := func(name, out string) onnxtest.Graph {
		b := &onnxtest.Builder{}
		b.Tensor(name, widened(values), 3, 4)
		b.Node(out, "MatMul", "x", name)
		b.Output(out)
		return b.Graph()
	}
	b := &onnxtest.Builder{}
	b.Input("x", 1, 3)
	b.Tensor("condition", []float64{1})
	b.Call([]string{"y"}, "", "If", []string{"condition"}, onnxtest.Attr{Name: "then_branch", Value: branch(then, "p")},
		onnxtest.Attr{Name: "else_branch", Value: branch(otherwise, "q")})
	b.Output("y")
	return b.Open(t)
}

// A name that tensors of both branches of an If have does not settle which of two equal tensors each is made from.
func TestNamesInBranches(t *testing.T) {
	t.Parallel()
	w, rows := sequence(12, 1), map[string]int64{"w": 3, "v": 3}
	base := tensors(t, map[string][]float32{"w": w, "v": w}, rows)
	changed := tensors(t, map[string][]float32{"w": sequence(12, 2), "v": sequence(12, 3)}, rows)
	alike := tensors(t, map[string][]float32{"w": sequence(12, 2), "v": sequence(12, 2)}, rows)
	if b, _, _ := applyTo(t, branches(t, w, "w", "w"), base, changed); len(b.Refused) != 2 {
		t.Errorf("one name: %v is refused, want the tensors of both branches", b.Refused)
	}
	if b, _, _ := applyTo(t, branches(t, w, "w", "w"), base, alike); len(b.Refused) > 0 {
		t.Errorf("one name, and tensors that are equal in the other checkpoint: %v is refused", b.Refused)
	}
	b, _, _ := applyTo(t, branches(t, w, "w", "v"), base, changed)
	if len(b.Refused) > 0 || len(b.Mapped) != 2 || b.Mapped[0].Expression.Name != "w" || b.Mapped[1].Expression.Name != "v" {
		t.Errorf("two names: %v is refused, mapped %v", b.Refused, b.Mapped)
	}
}
