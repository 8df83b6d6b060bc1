package wiseft

import (
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// writeMatrix writes an NPY file of float64.
func writeMatrix(t *testing.T, path string, rows, columns int, values []float64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = npy.WriteArray(f, "<f8", []int{rows, columns}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, values)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAttachWeights compares the scores of an image tower with a zero-shot head with their formula, scale times the product of
// weights and features of norm 1.
func TestAttachWeights(t *testing.T) {
	orttest.Load(t)
	const classes, dim = 3, 4
	dir := t.TempDir()
	matrix, out := filepath.Join(dir, "w.npy"), filepath.Join(dir, "m.onnx")
	w := onnxtest.Random(5, classes*dim)
	writeMatrix(t, matrix, classes, dim, w)
	model, data := inputCase("towers.onnx"), Data{Path: inputCase("pixels.npz")}
	f, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Tensor: "image_embeds", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	for _, opt := range []AttachOptions{{}, {Unit: true, Scale: 100}, {Unit: true, Float64: true}, {Scale: 2}} {
		opt.Tensor, opt.Weights, opt.Force = "image_embeds", matrix, true
		if _, err := Attach(t.Context(), out, model, "", opt); err != nil {
			t.Fatal(err)
		}
		got, err := ExtractFeatures(t.Context(), out, FeaturesOptions{Tensor: "scores", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Len() {
			norm := 0.0
			for _, v := range f.Row(i) {
				norm += float64(v) * float64(v)
			}
			if norm = math.Sqrt(norm); !opt.Unit {
				norm = 1
			}
			for class := range classes {
				want := 0.0
				for j, v := range f.Row(i) {
					want += max(opt.Scale, map[bool]float64{true: 1}[opt.Scale == 0]) * w[class*dim+j] * float64(v) / norm
				}
				if apart := math.Abs(want - float64(got.Row(i)[class])); !(apart <= 1e-5*max(1, math.Abs(want))) {
					t.Errorf("%+v, sample %d: %v, want %v", opt, i, got.Row(i)[class], want)
				}
			}
		}
	}
}

func TestAttachWeightsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	matrix, line, bad := filepath.Join(dir, "w.npy"), filepath.Join(dir, "line.npy"), filepath.Join(dir, "bad.npy")
	writeMatrix(t, matrix, 2, 5, make([]float64, 10))
	writeMatrix(t, line, 1, 4, make([]float64, 4))
	writeMatrix(t, bad, 2, 4, []float64{0, 0, 0, 0, math.NaN(), 0, 0, 0})
	for _, c := range []struct {
		opt        AttachOptions
		classifier string
		wrong      string
	}{
		{AttachOptions{}, "", "name one of P.npz and --weights"},
		{AttachOptions{Weights: matrix}, "p.npz", "name one of P.npz and --weights"},
		{AttachOptions{Unit: true}, "p.npz", "are for --weights"},
		{AttachOptions{Weights: matrix, Scale: -1}, "", "--scale -1"},
		{AttachOptions{Weights: line}, "", "has float64 of shape [1 4]"},
		{AttachOptions{Weights: bad}, "", "class 1 has the weight NaN"},
		{AttachOptions{Weights: filepath.Join(dir, "none.npy")}, "", "none.npy"},
		{AttachOptions{Weights: matrix}, "", "5"},
	} {
		out := filepath.Join(dir, "m.onnx")
		c.opt.Tensor = "image_embeds"
		if _, err := Attach(t.Context(), out, inputCase("towers.onnx"), c.classifier, c.opt); err == nil ||
			!strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%+v: %v, want %q", c.opt, err, c.wrong)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%+v: the output is written", c.opt)
		}
	}
}
