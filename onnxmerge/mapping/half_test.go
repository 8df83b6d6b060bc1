package mapping

import (
	"bytes"
	"context"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// TestHalf explains a float16 weight with numbers that float16 rounds to zero, by each way of converting.
func TestHalf(t *testing.T) {
	t.Parallel()
	base, tuned := sequence(24, 1), sequence(24, 2)
	base[3], base[7], base[9], tuned[2] = 1e-9, -2e-8, 30000, 1e-8
	for want, as := range map[string]onnx.DType{"transpose(w, [1 0])": onnx.Float16,
		"float16(transpose(w, [1 0]), at least 5.96e-08)": halfRuntime, "float16(transpose(w, [1 0]), at least 1e-07)": halfCommon} {
		raw := func(v []float32) []byte {
			out, err := convert(onnx.Float32Bytes(columns(v, 4, 6)), onnx.Float32, as)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		var change onnx.Change
		change.Add.Initializer("h", onnx.Float16, []int64{6, 4}, raw(base))
		var b bytes.Buffer
		if err := modelOf(t, []float64{0.5}, nil).WriteChanged(context.Background(), &b, change); err != nil {
			t.Fatal(err)
		}
		rows := map[string]int64{"w": 4}
		from, to := tensors(t, map[string][]float32{"w": base}, rows), tensors(t, map[string][]float32{"w": tuned}, rows)
		bound, out, _ := applyTo(t, openBytes(t, b.Bytes()), from, to)
		if len(bound.Mapped) != 1 || bound.Mapped[0].Expression.String() != want {
			t.Errorf("mapped %v, refused %v, want %s", bound.Mapped, bound.Refused, want)
			continue
		}
		got := make([]byte, 48)
		if err := out.Lookup("h").ReadAt(got, 0); err != nil || !bytes.Equal(got, raw(tuned)) {
			t.Errorf("%s: %x (%v), want %x", want, got, err, raw(tuned))
		}
	}
}
