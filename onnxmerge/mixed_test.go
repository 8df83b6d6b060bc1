package onnxmerge

import (
	"bytes"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Weights of two float types are mixed from what is stored and rounded once, to the fine-tuned model's type. Converting
// the pre-trained one first would round twice.
func TestTwoFloatTypesAreRoundedOnce(t *testing.T) {
	t.Parallel()
	single, half := openPath(t, local("pretrained.onnx")), openPath(t, local("finetuned_float16.onnx"))
	for _, c := range []struct{ a, b *onnx.Model }{{single, half}, {half, single}} {
		for _, alpha := range []float64{0, 0.3, 1} {
			plan, err := planPair(t.Context(), c.a, c.b, Options{Params: method.Params{"alpha": alpha}})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if _, err := Run(t.Context(), &out, plan, nil); err != nil {
				t.Fatal(err)
			}
			merged := openBytes(t, out.Bytes())
			for _, d := range plan.planner.decisions {
				if d.Action != Merge {
					continue
				}
				a, b := numbers(t, d.a), numbers(t, d.b)
				for i := range a {
					a[i] = (1-alpha)*a[i] + alpha*b[i]
				}
				codec, _ := d.DType.Codec()
				want := make([]byte, d.b.SizeBytes())
				codec.Encode(want, a)
				if got := payload(t, merged.Lookup(d.Tensor)); !bytes.Equal(got, want) {
					t.Errorf("alpha %g, %s: % x, want % x", alpha, d.Tensor, got[:8], want[:8])
				}
			}
			if n, _ := plan.Count(Merge); n != 4 && n != 5 {
				t.Errorf("%d tensors are merged", n)
			}
		}
	}
}

func numbers(t *testing.T, x *onnx.Tensor) []float64 {
	t.Helper()
	values, err := valuesOrZeros(x, int(x.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return values
}
