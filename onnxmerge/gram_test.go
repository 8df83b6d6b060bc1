package onnxmerge

import (
	"math"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The products of a quarter of the way and the whole way are those of lines, and the last one is the sum of squares that
// the tensors themselves give.
func TestGram(t *testing.T) {
	t.Parallel()
	a, b := openPath(t, filepathDemo("pretrained.onnx")), openPath(t, filepathDemo("finetuned.onnx"))
	quarter := openBytes(t, merge(t, a, b, 0.25, 1))
	plan, err := planAll(t.Context(), []*onnx.Model{a, quarter, b}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	gram, err := Gram(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for _, d := range plan.Decisions {
		if d.Action != Merge {
			continue
		}
		before, err := a.Lookup(d.Tensor).Numbers()
		if err != nil {
			t.Fatal(err)
		}
		after, err := b.Lookup(d.Tensor).Numbers()
		if err != nil {
			t.Fatal(err)
		}
		for i := range before {
			want += (after[i] - before[i]) * (after[i] - before[i])
		}
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-6*want } // float32 weights of the mix
	if !near(gram[1][1], want) || !near(gram[0][1], want/4) || !near(gram[0][0], want/16) || gram[0][1] != gram[1][0] {
		t.Errorf("got %v, want %g in the last entry", gram, want)
	}
}
