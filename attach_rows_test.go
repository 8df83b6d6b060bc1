package wiseft

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestAttachedRows compares the scores of an attached probe with those of the probe, for tensors whose samples are along the
// second axis or that have no axis for them.
func TestAttachedRows(t *testing.T) {
	orttest.Load(t)
	for _, c := range []struct{ model, data, tensor, pool string }{
		{"recurrent.onnx", "steps.npz", "logits", ""},
		{"recurrent.onnx", "steps.npz", "logits", "max"},
		{"recurrent.onnx", "steps.npz", "last", ""},
		{"single.onnx", "tokens.npz", "embedded", "mean"},
		{"single.onnx", "tokens.npz", "embedded", "flatten"},
	} {
		dir := t.TempDir()
		features, probe, attached := filepath.Join(dir, "f.npz"), filepath.Join(dir, "p.npz"), filepath.Join(dir, "m.onnx")
		model, opt := inputCase(c.model), FeaturesOptions{Tensor: c.tensor, Pool: Pooling{Mode: c.pool}, Data: Data{Path: inputCase(c.data)}}
		f, err := ExtractFeatures(t.Context(), model, opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := WriteFeatures(t.Context(), features, model, opt); err != nil {
			t.Fatal(err)
		}
		if _, err := Fit(t.Context(), probe, features, FitOptions{Probe: fit.Options{C: 1}}); err != nil {
			t.Fatal(err)
		}
		cl, err := ReadClassifier(probe)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Attach(t.Context(), attached, model, probe, AttachOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		got, err := ExtractFeatures(t.Context(), attached, FeaturesOptions{Tensor: "scores", Data: opt.Data})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, f.Len()*len(cl.Classes))
		cl.Scores(want, f.X, f.Len())
		for i, v := range want {
			if d := math.Abs(v - float64(got.X[i])); !(d <= 1e-5) {
				t.Fatalf("%v: score %d differs by %g", c, i, d)
			}
		}
		if _, err := Attach(t.Context(), attached, model, probe, AttachOptions{Force: true, IntoHead: true}); err == nil {
			t.Errorf("%v: the probe is written into a head that reads the tensor as it is", c)
		}
	}
}
