package onnx_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// Names that no operator, input or tensor gives are found, also those of outputs, each once.
func TestUndefined(t *testing.T) {
	t.Parallel()
	var b onnxtest.Builder
	b.Input("x", 2)
	b.Tensor("w", []float64{1, 2}, 2)
	b.Node("late", "Add", "sum", "", "ghost")
	b.Node("sum", "Add", "x", "w")
	b.Node("y", "Add", "ghost", "spirit")
	b.Output("nowhere")
	if got, want := b.Open(t).Undefined(), []string{"ghost", "spirit", "nowhere"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Names that bodies take from the graphs around them, and inputs of functions, are given.
func TestNothingIsUndefinedInWholeModels(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"testdata/*.onnx", "testdata/stores/*.onnx"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			m, _ := onnxtest.Open(t, path)
			if names := m.Undefined(); len(names) > 0 {
				t.Errorf("%s: %q", path, names)
			}
		}
	}
}
