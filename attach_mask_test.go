package wiseft

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestAttachedMask compares the scores of sentence encoders with an attached probe with those of the probe, for every way to
// pool with a mask, and in float64.
func TestAttachedMask(t *testing.T) {
	orttest.Load(t)
	model := inputCase("text_finetuned.onnx")
	left := Data{Path: inputCase("text_left.npz"), Inputs: map[string]string{"input_ids": "ids", "token_type_ids": "types"}}
	for _, mode := range []string{"mean", "max", "cls", "last"} {
		for _, mask := range []string{"", "!token_type_ids", "none"} {
			dir := t.TempDir()
			train, probe, attached := filepath.Join(dir, "f.npz"), filepath.Join(dir, "p.npz"), filepath.Join(dir, "m.onnx")
			pool := Pooling{Mode: mode, Mask: mask}
			if _, err := WriteFeatures(t.Context(), train, model, FeaturesOptions{Pool: pool,
				Data: Data{Path: inputCase("text_train.npz")}}); err != nil {
				t.Fatal(err)
			}
			if _, err := Fit(t.Context(), probe, train, FitOptions{Probe: fit.Options{C: 1}}); err != nil {
				t.Fatal(err)
			}
			cl, err := ReadClassifier(probe)
			if err != nil {
				t.Fatal(err)
			}
			for _, wide := range []bool{false, true} {
				if wide && mask != "" {
					continue
				}
				if _, err := Attach(t.Context(), attached, model, probe, AttachOptions{Float64: wide, Force: true}); err != nil {
					t.Fatal(err)
				}
				for _, data := range []Data{{Path: inputCase("text_test.npz")}, left} {
					f, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Pool: pool, Data: data})
					if err != nil {
						t.Fatal(err)
					}
					got, err := ExtractFeatures(t.Context(), attached, FeaturesOptions{Tensor: "scores", Data: data})
					if err != nil {
						t.Fatal(err)
					}
					want := make([]float64, f.Len()*len(cl.Classes))
					cl.Scores(want, f.X, f.Len())
					apart := 0.0
					for i, v := range want {
						apart = max(apart, math.Abs(v-float64(got.X[i])))
					}
					if !(apart <= 1e-5) {
						t.Errorf("%s, mask %q, %s: scores differ by %g", mode, mask, filepath.Base(data.Path), apart)
					}
				}
			}
		}
	}
}

// A mask that the probe was not fitted with, or that the model does not have, is refused.
func TestAttachedMaskRefused(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	train, probe := filepath.Join(dir, "f.npz"), filepath.Join(dir, "p.npz")
	if _, err := WriteFeatures(t.Context(), train, inputCase("text_finetuned.onnx"), FeaturesOptions{Pool: Pooling{Mode: "mean"},
		Data: Data{Path: inputCase("text_train.npz")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Fit(t.Context(), probe, train, FitOptions{Probe: fit.Options{C: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, tensor, mask, wrong string
	}{
		{"text_finetuned.onnx", "", "none", "--pool-mask none is given"},
		{"text_finetuned.onnx", "", "!attention_mask", "--pool-mask !attention_mask is given"},
		{"towers.onnx", "w", "", `no input "attention_mask"`},
	} {
		out := filepath.Join(dir, "m.onnx")
		_, err := Attach(t.Context(), out, inputCase(c.model), probe, AttachOptions{Tensor: c.tensor, Pool: Pooling{Mask: c.mask}})
		if err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s, mask %q: %v, want %q", c.model, c.mask, err, c.wrong)
		}
		if output.Check(out, output.Options{}) != nil {
			t.Errorf("%s is written", out)
		}
	}
}
