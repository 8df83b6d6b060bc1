package onnxmerge

import (
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// KeepSilently makes merges keep tensors of the fine-tuned model without naming them, until the test ends. The test must
// not be parallel.
func KeepSilently(t testing.TB, ids ...string) {
	keptSilently = func(x *onnx.Tensor) bool { return slices.Contains(ids, x.ID()) }
	t.Cleanup(func() { keptSilently = nil })
}
