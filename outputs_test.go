package wiseft

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestInexactOutput checks that an integer between two float32 is refused.
func TestInexactOutput(t *testing.T) {
	orttest.Load(t)
	var b onnxtest.Builder
	b.Input("x", -1, 3)
	b.Call([]string{"whole"}, "", "Cast", []string{"x"}, onnxtest.Attr{Name: "to", Value: int64(onnx.Int64)})
	b.Int64("one", []int64{1<<25 + 1}, 1)
	b.Node("y", "Add", "whole", "one")
	b.Output("y")
	model := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(model, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Data: Data{Set: rowsOf(t, 0, 0, 0)}})
	if err == nil || !strings.Contains(err.Error(), `output "y" has the value 33554433, which float32 does not hold`) {
		t.Errorf("%v", err)
	}
}

// rowsOf returns three samples of the same values, so that the check of the batch invents none.
func rowsOf(t *testing.T, x ...float32) datasets.Dataset {
	ds, err := datasets.NewMemory(datasets.Info{Name: "rows"},
		[]datasets.Sample{{X: x, Shape: []int{len(x)}}, {X: x, Shape: []int{len(x)}, Label: 1},
			{X: x, Shape: []int{len(x)}}})
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// TestOutputTypes runs models whose output is x, cast to another type: it becomes float32, or is refused by name.
func TestOutputTypes(t *testing.T) {
	orttest.Load(t)
	for _, c := range []struct {
		to    onnx.DType
		value float32
		want  float32
		wrong string
	}{
		{onnx.Float32, 2.5, 2.5, ""}, {onnx.Float64, 2.5, 2.5, ""}, {onnx.Bool, 2.5, 1, ""}, {onnx.Int8, -3, -3, ""},
		{onnx.Uint8, 200, 200, ""}, {onnx.Int16, -300, -300, ""}, {onnx.Uint16, 60000, 60000, ""},
		{onnx.Int32, -1 << 24, -1 << 24, ""}, {onnx.Uint32, 1 << 24, 1 << 24, ""}, {onnx.Int64, 7, 7, ""},
		{onnx.Uint64, 7, 7, ""}, {onnx.Int64, 1 << 25, 1 << 25, ""}, {onnx.Float16, 2.5, 2.5, ""},
		{onnx.BFloat16, -3, -3, ""}, {onnx.String, 1, 0, `output "y" is string`},
	} {
		t.Run(fmt.Sprintf("%v/%v", c.to, c.value), func(t *testing.T) {
			var b onnxtest.Builder
			b.Input("x", -1, 3)
			b.Call([]string{"y"}, "", "Cast", []string{"x"}, onnxtest.Attr{Name: "to", Value: int64(c.to)})
			b.Output("y")
			model := filepath.Join(t.TempDir(), "m.onnx")
			if err := os.WriteFile(model, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Data: Data{Set: rowsOf(t, c.value, c.value, c.value)}})
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil || !slices.Equal(f.X, slices.Repeat([]float32{c.want}, 9)) {
				t.Errorf("%v, want %v everywhere", err, c.want)
			}
		})
	}
}
