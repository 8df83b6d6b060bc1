package wiseft

import (
	"path/filepath"
	"testing"

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
		model, opt := inputCase(c.model), FeaturesOptions{Tensor: c.tensor, Pool: Pooling{Mode: c.pool}, Data: Data{Path: inputCase(c.data)}}
		probe, attached := fittedProbe(t, model, opt), filepath.Join(t.TempDir(), "m.onnx")
		if _, err := Attach(t.Context(), attached, model, probe, AttachOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		if apart := attachedApart(t, attached, probe, model, opt); !(apart <= 1e-5) {
			t.Errorf("%v: scores differ by %g", c, apart)
		}
		if _, err := Attach(t.Context(), attached, model, probe, AttachOptions{Force: true, IntoHead: true}); err == nil {
			t.Errorf("%v: the probe is written into a head that reads the tensor as it is", c)
		}
	}
}
