package wiseft

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestCorruptedImages measures a model whose class is the brightest channel on images that are stored corrupted, and
// compares the accuracies with those of the values that the script of the images names.
func TestCorruptedImages(t *testing.T) {
	t.Parallel()
	lib := orttest.Load(t)
	dir := t.TempDir()
	model, clean := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "clean.npz")
	var b onnxtest.Builder
	b.Input("x", -1, 3, -1, -1)
	b.Node("mean", "GlobalAveragePool", "x")
	b.Node("scores", "Flatten", "mean")
	b.Output("scores")
	if err := os.WriteFile(model, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	labels := []int64{1, 0}
	writeImages(t, clean, labels)
	opt := MeasureOptions{OwnHead: true, Tests: []Data{{Path: clean}}, Corrupted: Data{Path: filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "datasets", "testdata", "cifar-c"), Resize: 2},
		Corruptions: []string{"brightness"}, Runtime: RuntimeOptions{Library: lib.Path}}
	for suite, error5 := range map[string]float64{"cifar-c": 0, "imagenet-c-15": 0.564592} {
		opt.Suite = suite
		m, err := Bench(t.Context(), []string{model}, opt)
		if err != nil {
			t.Fatal(err)
		}
		got, mean := m.Models[0].Corruptions["brightness"], 0.0
		for s := range 5 {
			want := 0.0
			for k, label := range labels {
				if brightest(31*(s+1)+7*k) == label {
					want += 0.5
				}
			}
			mean += want / 5
			if float64(got.OABySeverity[s]) != want {
				t.Errorf("%s, severity %d: accuracy %g, want %g", suite, s+1, float64(got.OABySeverity[s]), want)
			}
		}
		switch ce := float64(got.CE); {
		case error5 == 0 && !math.IsNaN(ce):
			t.Errorf("%s: CE %g, want none", suite, ce)
		case error5 > 0 && math.Abs(ce-(1-mean)/error5) > 0.0005: // it is rounded to three decimals
			t.Errorf("%s: CE %g, want %g", suite, ce, (1-mean)/error5)
		}
	}
	opt.Corrupted, opt.Corruptions = Data{}, []string{"fog"}
	if _, err := Bench(t.Context(), []string{model}, opt); err == nil {
		t.Error("corruptions that are not stored were measured")
	}
}

// brightest returns the channel with the largest mean of an image whose bytes count from first on.
func brightest(first int) int64 {
	sums := [3]int{}
	for i := range 36 {
		sums[i%3] += (first + i) % 256
	}
	best := 0
	for c, v := range sums {
		if v > sums[best] {
			best = c
		}
	}
	return int64(best)
}

// writeImages writes black images of 4 x 3 pixels.
func writeImages(t *testing.T, path string, labels []int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := npy.NewWriter(f)
	black := make([]float32, 36)
	if err := z.Float32Rows("x", len(labels), []int{3, 3, 4}, func(int) ([]float32, error) { return black, nil }); err != nil {
		t.Fatal(err)
	}
	if err := z.Int64s("y", labels); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}
