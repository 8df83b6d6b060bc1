package wiseft

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// scaledModel computes y = signal * temperature, where temperature is an optional input whose default is 2.
func scaledModel() []byte {
	var b onnxtest.Builder
	b.Input("signal", -1, 3)
	b.Input("temperature", -1, 1)
	b.Tensor("temperature", []float64{2}, 1, 1)
	b.Node("y", "Mul", "signal", "temperature")
	b.Output("y")
	return b.Bytes()
}

// writeArrays writes an NPZ file of 4 float32 rows of 3 values, value everywhere; scale has one a row, temperature a single
// one.
func writeArrays(t *testing.T, path string, values map[string]float32) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := npy.NewWriter(f)
	for name, v := range values {
		rows, shape := 4, []int{3}
		switch name {
		case "scale":
			shape = []int{1}
		case "temperature":
			rows, shape = 1, nil
		}
		row := slices.Repeat([]float32{v}, slices.Max(append([]int{1}, shape...)))
		if err := z.Float32Rows(name, rows, shape, func(int) ([]float32, error) { return row, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestArraysNamedLikeInputs checks that no array with the name of an input is ignored: that of the samples is taken before
// x, and one of an optional input is used, unless it is left out by name.
func TestArraysNamedLikeInputs(t *testing.T) {
	orttest.Load(t)
	model, data := filepath.Join(t.TempDir(), "m.onnx"), filepath.Join(t.TempDir(), "d.npz")
	if err := os.WriteFile(model, scaledModel(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		values map[string]float32
		inputs map[string]string
		first  float32 // feature
		wrong  string
	}{
		{map[string]float32{"x": 3}, nil, 6, ""},
		{map[string]float32{"x": 3, "signal": 5}, nil, 10, ""},
		{map[string]float32{"x": 3, "signal": 5}, map[string]string{"signal": "x"}, 6, ""},
		{map[string]float32{"x": 3, "temperature": 7}, nil, 0, "--constant temperature=VALUE gives what is the same for all"},
		{map[string]float32{"x": 3, "temperature": 7}, map[string]string{"temperature": ""}, 6, ""},
		{map[string]float32{"x": 3, "scale": 5}, map[string]string{"temperature": "scale"}, 15, ""},
		{map[string]float32{"x": 3, "scale": 5}, nil, 6, ""},
	} {
		writeArrays(t, data, c.values)
		f, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Data: Data{Path: data, Inputs: c.inputs}})
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%v: %v, want %q", c.values, err, c.wrong)
			}
			continue
		}
		if err != nil || f.X[0] != c.first {
			t.Errorf("%v %v: %v, want the feature %v", c.values, c.inputs, err, c.first)
		}
	}
}
