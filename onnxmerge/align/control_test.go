package align_test

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// Permutations that do not fit their groups are refused.
func TestReplacementsRefuse(t *testing.T) {
	t.Parallel()
	m := openModel(t, "../pair/testdata/corpus/mlp/a_fold.onnx.gz")
	groups := align.Find(m)
	n := len(groups.List)
	for _, c := range []struct {
		what string
		p    align.Permutations
		want string
	}{
		{"too few", make(align.Permutations, n-1), "permutations for"},
		{"another size", append(align.Permutations{{1, 0}}, make(align.Permutations, n-1)...), "a permutation of 2 units"},
		{"a unit twice", append(align.Permutations{make([]int, groups.List[0].Size)}, make(align.Permutations, n-1)...),
			"is no permutation"},
	} {
		if _, err := groups.Replacements(c.p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
	if list, err := groups.Replacements(make(align.Permutations, n)); err != nil || len(list) > 0 {
		t.Errorf("%d tensors change without a permutation, %v", len(list), err)
	}
}

// Weights that are not finite cannot be compared, and say so.
func TestMatchRefusesNaN(t *testing.T) {
	t.Parallel()
	b := &onnxtest.Builder{}
	b.Input("x", -1, 2)
	zero := 0.
	b.Tensor("w", []float64{1, 2, zero / zero, 4}, 2, 2)
	b.Tensor("v", []float64{1, 2, 3, 4}, 2, 2)
	b.Node("h", "MatMul", "x", "w")
	b.Node("y", "MatMul", "h", "v")
	b.Output("y")
	m := b.Open(t)
	_, err := align.Find(m).MatchWeights(t.Context(), m, align.MatchOptions{
		Reference: func(x *onnx.Tensor) *onnx.Tensor { return x }})
	if err == nil || !strings.Contains(err.Error(), `tensor "w": element 2 is NaN`) {
		t.Errorf("%v", err)
	}
}

// An operator without a rule freezes what it touches, and is named; the rest of the network keeps its groups.
func TestUnknownOperatorFreezes(t *testing.T) {
	t.Parallel()
	b := &onnxtest.Builder{}
	b.Input("x", -1, 4)
	for _, w := range []string{"w1", "w2", "w3"} {
		b.Tensor(w, onnxtest.Random(1, 16), 4, 4)
	}
	b.Node("h1", "MatMul", "x", "w1")
	b.Node("r1", "Relu", "h1")
	b.Node("h2", "MatMul", "r1", "w2")
	b.Call([]string{"m"}, "custom.domain", "Mystery", []string{"h2"})
	b.Node("y", "MatMul", "m", "w3")
	b.Output("y")
	groups := align.Find(b.Open(t))
	if len(groups.List) != 1 || len(groups.List[0].Members) != 2 {
		t.Fatalf("groups %+v", groups.List)
	}
	named := false
	for _, f := range groups.Frozen {
		named = named || strings.Contains(f.String(), `4 units of w2: custom.domain.Mystery "m"`)
	}
	if !named {
		t.Errorf("frozen %v", groups.Frozen)
	}
}
