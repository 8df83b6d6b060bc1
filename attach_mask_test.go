package wiseft

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/output"
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
			pool := Pooling{Mode: mode, Mask: mask}
			probe := fittedProbe(t, model, FeaturesOptions{Pool: pool, Data: Data{Path: inputCase("text_train.npz")}})
			attached := filepath.Join(t.TempDir(), "m.onnx")
			for _, wide := range []bool{false, true} {
				if wide && mask != "" {
					continue
				}
				if _, err := Attach(t.Context(), attached, model, probe, AttachOptions{Float64: wide, Force: true}); err != nil {
					t.Fatal(err)
				}
				for _, data := range []Data{{Path: inputCase("text_test.npz")}, left} {
					apart := attachedApart(t, attached, probe, model, FeaturesOptions{Pool: pool, Data: data})
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
	probe := fittedProbe(t, inputCase("text_finetuned.onnx"), FeaturesOptions{Pool: Pooling{Mode: "mean"},
		Data: Data{Path: inputCase("text_train.npz")}})
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
