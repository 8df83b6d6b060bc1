package wiseft

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestAdapterRuns compares a model with an adapter with a fresh export of what PEFT merged, in onnxruntime: the same outputs to
// 1e-5, for an export with generated names, proved, and for one with PyTorch's names.
func TestAdapterRuns(t *testing.T) {
	orttest.Load(t)
	for _, name := range []string{"linear", "conv"} {
		folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "adapter", "testdata", name)
		run := func(model string) []float32 {
			x, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Tensor: "y", Data: Data{Path: filepath.Join(folder, "x.npz")},
				Runtime: RuntimeOptions{Batch: 2}})
			if err != nil {
				t.Fatal(err)
			}
			return x.X
		}
		want, before := run(filepath.Join(folder, "merged.onnx")), run(filepath.Join(folder, "base.onnx"))
		if largest(want, before) < 0.1 {
			t.Fatalf("%s: the adapter changes nothing: %v", name, want)
		}
		for export, weights := range map[string]string{"base.onnx": filepath.Join(folder, "base.safetensors"), "dynamo.onnx": ""} {
			opt := MergeOptions{BaseWeights: weights}
			models, err := opt.AddAdapters(filepath.Join(folder, export), []Adapter{{Path: folder, Scale: 1}})
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out.onnx")
			if _, err := Merge(t.Context(), out, models, opt, WriteOptions{NoSync: true}); err != nil {
				t.Fatal(err)
			}
			if d := largest(run(out), want); !(d <= 1e-5) {
				t.Errorf("%s, %s: outputs differ by %g", name, export, d)
			}
		}
	}
}

// largest returns the largest difference of two lists.
func largest(a, b []float32) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(1)
	}
	d := 0.0
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
	}
	return d
}
