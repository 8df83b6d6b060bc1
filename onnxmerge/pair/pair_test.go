package pair

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

func open(t *testing.T, name string) *onnx.Model {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../onnx/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ids(tensors []*onnx.Tensor) []string {
	var list []string
	for _, t := range tensors {
		list = append(list, t.ID())
	}
	return list
}

func TestFind(t *testing.T) {
	t.Parallel()
	head := []string{"head.weight", "head.bias"}
	for _, c := range []struct {
		a, b         string
		pairs        int
		onlyA, onlyB []string
		conflicts    []string
	}{
		{"pretrained.onnx", "finetuned.onnx", 5, nil, head, nil},
		{"finetuned.onnx", "pretrained.onnx", 5, head, nil, nil},
		{"pretrained_constants.onnx", "finetuned.onnx", 5, nil, head, nil},
		{"pretrained.onnx", "finetuned_other_use.onnx", 3, nil, nil, []string{
			"fc1.weight: the fine-tuned model has a Mul behind it, the pre-trained one has none, or folded into the weight",
			"fc1.bias: same name, but used by Add against Mul"}},
		{"pretrained.onnx", "finetuned_float16.onnx", 5, nil, nil, nil},
		{"branches.onnx", "branches.onnx", 4, nil, nil, nil},
	} {
		al, err := Find(t.Context(), open(t, c.a), open(t, c.b), nil)
		if err != nil {
			t.Fatal(err)
		}
		var conflicts []string
		for _, x := range al.Conflicts {
			conflicts = append(conflicts, x.B.ID()+": "+x.Reason)
		}
		if len(al.Pairs) != c.pairs || !slices.Equal(ids(al.OnlyA), c.onlyA) || !slices.Equal(ids(al.OnlyB), c.onlyB) ||
			!slices.Equal(conflicts, c.conflicts) {
			t.Errorf("%s and %s: %d pairs, only A %v, only B %v, conflicts %q", c.a, c.b, len(al.Pairs), ids(al.OnlyA),
				ids(al.OnlyB), conflicts)
		}
		for _, p := range al.Pairs {
			if p.A.ID() != p.B.ID() || p.Perm != nil {
				t.Errorf("%s is paired with %s by %s", p.A.ID(), p.B.ID(), p.How)
			}
		}
	}
}
