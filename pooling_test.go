package wiseft

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// tokenModel computes tokens [batch, points, 6] and channels [batch, 6, points] from clouds.
func tokenModel(opset byte) []byte {
	var b onnxtest.Builder
	b.Input("x", -1, -1, 3)
	b.Tensor("w", onnxtest.Random(3, 18), 3, 6)
	b.Node("tokens", "MatMul", "x", "w")
	b.Call([]string{"channels"}, "", "Transpose", []string{"tokens"}, onnxtest.Attr{Name: "perm", Value: []int64{0, 2, 1}})
	b.Output("tokens")
	b.Output("channels")
	opset17 := []byte{8<<3 | 2, 4, 1<<3 | 2, 0, 2 << 3, 17}
	return bytes.Replace(b.Bytes(), opset17, []byte{8<<3 | 2, 4, 1<<3 | 2, 0, 2 << 3, opset}, 1)
}

// smallClouds are labelled clouds of 7 points.
func smallClouds(t *testing.T, n int) datasets.Dataset {
	samples := make([]datasets.Sample, n)
	for i := range samples {
		samples[i] = datasets.Sample{Shape: []int{7, 3}, Label: int64(i % 3)}
		for _, v := range onnxtest.Random(uint64(i), 21) {
			samples[i].X = append(samples[i].X, float32(v)+float32(i%3))
		}
	}
	set, err := datasets.NewMemory(datasets.Info{Name: "small"}, samples)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestAttachedPoolRunsInEveryOpset compares attached heads with the probe on features that were pooled here, in every
// opset that onnxruntime supports and every mode.
func TestAttachedPoolRunsInEveryOpset(t *testing.T) {
	orttest.Load(t)
	const clouds, points, width = 3, 5, 6
	batch := probe.Batch{Shape: []int64{clouds, points, 3}}
	for i := range clouds * points * 3 {
		batch.X = append(batch.X, float32(i*i%17)/8-1)
	}
	cl := stepAndReLU(width)
	for opset := byte(7); opset <= 21; opset++ {
		file := tokenModel(opset)
		m, err := onnx.Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		tokens := runModel(t, cutTo(t, m, "tokens"), "tokens", batch)
		for _, mode := range []string{"mean", "max", "cls", "last"} {
			pooled := make([]float32, clouds*width)
			for i := range pooled {
				var values []float32
				for p := range points {
					values = append(values, tokens[(i/width*points+p)*width+i%width])
				}
				sum := 0.0
				for _, v := range values {
					sum += float64(v)
				}
				pooled[i] = map[string]float32{"mean": float32(sum / points), "max": slices.Max(values), "cls": values[0],
					"last": values[points-1]}[mode]
			}
			for _, of := range []surgery.Head{{Tensor: "tokens", Pool: &surgery.Pool{Mode: mode, FeatureAxis: 2, Axes: 3}},
				{Tensor: "channels", Pool: &surgery.Pool{Mode: mode, FeatureAxis: 1, Axes: 3}, Float64: true}} {
				t.Run(fmt.Sprintf("opset=%d/%s/%s", opset, mode, of.Tensor), func(t *testing.T) {
					head := newHead(cl, of.Tensor)
					head.Pool, head.Float64 = of.Pool, of.Float64
					var attached bytes.Buffer
					if err := surgery.Attach(t.Context(), &attached, m, head); err != nil {
						t.Fatal(err)
					}
					checkScores(t, runModel(t, attached.Bytes(), "scores", batch), cl, pooled, false)
				})
			}
		}
	}
}

// cutTo returns a model with one output.
func cutTo(t *testing.T, m *onnx.Model, tensor string) []byte {
	var b bytes.Buffer
	if err := surgery.Expose(t.Context(), &b, m, tensor); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPooledFeaturesToAttachedModel goes from a model with tokens to one file that classifies: features refuse a free axis
// until a mode is named, the probe keeps it, and the attached model gives the probe's scores.
func TestPooledFeaturesToAttachedModel(t *testing.T) {
	orttest.Load(t)
	dir, data := t.TempDir(), Data{Set: smallClouds(t, 24)}
	model, features, classifier, out := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "f.npz"), filepath.Join(dir, "p.npz"),
		filepath.Join(dir, "out.onnx")
	if err := os.WriteFile(model, tokenModel(17), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tensor := range []string{"tokens", "channels"} {
		opt := FeaturesOptions{Data: data, Tensor: tensor, Force: true}
		_, err := WriteFeatures(t.Context(), features, model, opt)
		if err == nil || !strings.Contains(err.Error(), "what a column of features stands for would depend on the input") {
			t.Fatalf("%s: %v, want a free axis refused", tensor, err)
		}
		if hint := HintOf(err); !strings.Contains(hint, "--pool mean") {
			t.Errorf("%s: the hint is %q", tensor, hint)
		}
		opt.Pool = Pooling{Mode: "mean"}
		r, err := WriteFeatures(t.Context(), features, model, opt)
		if err != nil {
			t.Fatal(err)
		}
		if r.Dim != 6 || !strings.Contains(strings.Join(r.Prepared, "\n"), "is pooled by mean over the axes") {
			t.Errorf("%s: %+v", tensor, r)
		}
		if _, err := Fit(t.Context(), classifier, features, FitOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := Attach(t.Context(), out, model, classifier, AttachOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		checkAttached(t, out, classifier, features, data)
		if _, err := Attach(t.Context(), out, model, classifier, AttachOptions{Pool: Pooling{Mode: "max"}, Force: true}); err == nil {
			t.Errorf("%s: --pool max for a probe on means is accepted", tensor)
		}
		opt.Pool.Mode = "max"
		if _, err := WriteFeatures(t.Context(), features, model, opt); err != nil {
			t.Fatal(err)
		}
		if _, err := Score(classifier, features, ScoreOptions{}); err == nil || !strings.Contains(err.Error(), "pooled by mean") {
			t.Errorf("%s: a probe on means scores maxima: %v", tensor, err)
		}
	}
}

// checkAttached compares the scores of an attached model with those of the probe.
func checkAttached(t *testing.T, model, classifier, features string, data Data) {
	got, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Data: data, Tensor: "scores"})
	if err != nil {
		t.Fatal(err)
	}
	cl, err := ReadClassifier(classifier)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ReadFeatures(features)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, len(got.X))
	cl.Scores(want, f.X, f.Len())
	for i := range want {
		if math.Abs(want[i]-float64(got.X[i])) > 1e-5 {
			t.Fatalf("score %d is %v, the probe gives %v", i, got.X[i], want[i])
		}
	}
}
