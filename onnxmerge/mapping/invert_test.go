package mapping

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// tied returns a model that has a matrix of 400 rows twice: as it is, and transposed.
func tied(t *testing.T, a, b []float32) *onnx.Model {
	t.Helper()
	width := len(a) / 400
	build := &onnxtest.Builder{}
	build.Input("x", 1, width)
	build.Tensor("w0", widened(a), 400, width)
	build.Tensor("w1", widened(columns(b, 400, width)), width, 400)
	build.Node("y", "Sum", "w0", "w1")
	build.Output("y")
	return build.Open(t)
}

// A tensor of the checkpoint that a model has in two layouts is written if both give the same elements, in any amount of memory,
// and refused otherwise, wherever they differ.
func TestInvertTied(t *testing.T) {
	t.Parallel()
	before, after := sequence(400*300, 1), sequence(400*300, 2)
	base := tensors(t, map[string][]float32{"w": before}, map[string]int64{"w": 400})
	for _, limits := range []Limits{{Workers: 2}, {MemoryBytes: 10_000}} {
		found, err := Find(context.Background(), tied(t, before, before), base, limits)
		if err != nil {
			t.Fatal(err)
		}
		inverse, err := found.Invert(context.Background(), base, tied(t, after, after))
		if err != nil {
			t.Fatal(err)
		}
		if len(inverse.Written) != 1 || len(inverse.Refused) > 0 {
			t.Fatalf("written %q, refused %v, want w alone", inverse.Written, inverse.Refused)
		}
		var out bytes.Buffer
		if err := checkpoint.Write(context.Background(), &out, inverse.Outputs, nil); err != nil {
			t.Fatal(err)
		}
		if got := out.Bytes()[out.Len()-4*len(after):]; !bytes.Equal(got, onnx.Float32Bytes(after)) {
			t.Error("the written tensor differs from the model's")
		}
		for _, at := range []int{0, 12345, len(after) - 1} {
			other := slices.Clone(after)
			other[at] += 1
			inverse, err := found.Invert(context.Background(), base, tied(t, after, other))
			if err != nil {
				t.Fatal(err)
			}
			if len(inverse.Refused) != 1 || len(inverse.Written) > 0 {
				t.Errorf("with element %d changed: written %q, refused %v, want it refused", at, inverse.Written, inverse.Refused)
			}
		}
	}
}

// Orders of axes that are not their own inverse are inverted.
func TestInvertTransposed(t *testing.T) {
	t.Parallel()
	of := func(values []float32) *onnx.Model { // transpose(reshape(w, [4 5 6]), [2 0 1])
		moved := make([]float64, len(values))
		for i := range moved {
			a, b, c := i/20, i/5%4, i%5
			moved[i] = float64(values[b*30+c*6+a])
		}
		return modelOf(t, moved, []int{6, 4, 5, 1})
	}
	before, after := sequence(120, 1), sequence(120, 2)
	base := cube(t, before)
	found, err := Find(context.Background(), of(before), base, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	inverse, err := found.Invert(context.Background(), base, of(after))
	if err != nil || len(inverse.Written) != 1 {
		t.Fatalf("written %v (%v), refused %v, want w", inverse, err, inverse.Refused)
	}
	got := make([]byte, 480)
	if err := inverse.Outputs[0].Read(got, 0); err != nil || !bytes.Equal(got, onnx.Float32Bytes(after)) {
		t.Errorf("the tensor differs from that which the model has transposed (%v)", err)
	}
}

// cube returns a checkpoint with a tensor w of 4 x 5 x 6 numbers.
func cube(t *testing.T, values []float32) *checkpoint.Checkpoint {
	t.Helper()
	raw := onnx.Float32Bytes(values)
	c, err := checkpoint.New("", []*checkpoint.Tensor{checkpoint.NewTensor("w", onnx.Float32, []int64{4, 5, 6},
		func(dst []byte, off int64) error {
			copy(dst, raw[off:])
			return nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A model's tensor that is joined of tensors of the checkpoint and a constant gives these; one with another constant is refused.
func TestInvertJoinedWithConstant(t *testing.T) {
	t.Parallel()
	of := func(q, zeros, v []float32) *onnx.Model {
		list := slices.Concat(q, zeros, v)
		return modelOf(t, widened(list), []int{len(list)})
	}
	zeros := make([]float32, 6)
	base := tensors(t, map[string][]float32{"q": sequence(6, 1), "v": sequence(8, 2)}, nil)
	found, err := Find(context.Background(), of(sequence(6, 1), zeros, sequence(8, 2)), base, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	q, v := sequence(6, 3), sequence(8, 4)
	inverse, err := found.Invert(context.Background(), base, of(q, zeros, v))
	if err != nil || len(inverse.Outputs) != 2 {
		t.Fatalf("%v (%v), want q and v", inverse, err)
	}
	for i, want := range [][]float32{q, v} {
		got := make([]byte, 4*len(want))
		if err := inverse.Outputs[i].Read(got, 0); err != nil || !bytes.Equal(got, onnx.Float32Bytes(want)) {
			t.Errorf("%s: %x (%v), want %x", inverse.Outputs[i].Name, got, err, onnx.Float32Bytes(want))
		}
	}
	inverse, err = found.Invert(context.Background(), base, of(q, []float32{0, 0, 0, 0, 1, 0}, v))
	if err != nil || len(inverse.Refused) != 1 || len(inverse.Written) > 0 {
		t.Errorf("another constant: written %q, refused %v (%v), want it refused", inverse.Written, inverse.Refused, err)
	}
}
