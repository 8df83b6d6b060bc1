package wiseft

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

func sharedModel(t *testing.T, elem ...string) *Model {
	t.Helper()
	m, err := Open(sharedtest.Path(t, slices.Concat([]string{"data", "models"}, elem)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func mergeBytes(t *testing.T, a, b *Model) []byte {
	t.Helper()
	plan, err := onnxmerge.NewPlan(t.Context(), models{a, b}.graphs(), onnxmerge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := onnxmerge.Run(t.Context(), &out, plan, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Merged real models load in onnxruntime and compute finite values, also one whose weights are all in Constant nodes.
func TestMergedRealModelsRun(t *testing.T) {
	orttest.Load(t)
	for _, c := range []struct {
		a, b   []string
		tensor string
		shape  []int64
	}{
		{[]string{"pointssl", "pointssl_base_backbone.onnx"}, []string{"pointssl", "pointssl_ft1_backbone.onnx"}, "rep",
			[]int64{2, 3, 64}},
		{[]string{"pointssl", "pointssl_base_backbone_fp16.onnx"}, []string{"pointssl", "pointssl_ft1_backbone_fp16.onnx"},
			"rep", []int64{2, 3, 64}},
		{[]string{"pointnet", "pointnet_marcusforte_early.onnx"}, []string{"pointnet", "pointnet_marcusforte_late.onnx"},
			"features", []int64{2, 3, 64}},
		{[]string{"ocr", "en_PP-OCRv3_det.onnx"}, []string{"ocr", "multilingual_PP-OCRv3_det.onnx"}, "sigmoid_0.tmp_0",
			[]int64{1, 3, 64, 64}},
	} {
		merged := mergeBytes(t, sharedModel(t, c.a...), sharedModel(t, c.b...))
		session, err := (&Runtime{ort.Engine{Threads: 1}}).Open(t.Context(), probe.Source{Bytes: merged}, c.tensor, datasets.Info{})
		if err != nil {
			t.Errorf("%v: %v", c.b, err)
			continue
		}
		x := make([]float32, 1)
		for _, n := range c.shape {
			x = slices.Repeat(x, int(n))
		}
		for i := range x {
			x[i] = float32(i%19)/9 - 1
		}
		out, err := session.Extract(t.Context(), nil, probe.Batch{X: x, Shape: c.shape})
		if err != nil || len(out) == 0 {
			t.Errorf("%v: %d values (%v)", c.b, len(out), err)
		}
		for i, v := range out {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%v: value %d is %g", c.b, i, v)
				break
			}
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The scores that onnxruntime computes with the attached probe are the probe's, for two shared pairs.
func TestAttachedProbeOnRealModel(t *testing.T) {
	orttest.Load(t)
	data := everyNinth(t)
	for _, pair := range []struct{ folder, pretrained, finetuned, tensor string }{
		{"pointssl", "pointssl_base_backbone.onnx", "pointssl_ft1_with_classifier.onnx", "rep"},
		{"pointnet", "pointnet_marcusforte_early.onnx", "pointnet_marcusforte_late.onnx", "features"},
	} {
		merged := mergeBytes(t, sharedModel(t, pair.folder, pair.pretrained), sharedModel(t, pair.folder, pair.finetuned))
		features := extractAll(t, merged, data, pair.tensor)
		m, err := onnx.Open(bytes.NewReader(merged), int64(len(merged)))
		if err != nil {
			t.Fatal(err)
		}
		for _, solver := range []string{"logistic", "svc-ovr", "svc-ovo", "ridge", "mlp"} {
			classifier, _, err := fit.Fit(t.Context(), features, fit.Options{Solver: solver, Standardize: true, Epochs: 5})
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, features.Len()*len(classifier.Classes))
			classifier.Scores(want, features.X, features.Len())
			head := newHead(classifier, pair.tensor)
			for _, head.Float64 = range []bool{false, true} {
				var attached bytes.Buffer
				if err := surgery.Attach(t.Context(), &attached, m, head); err != nil {
					t.Fatal(err)
				}
				scores := extractAll(t, attached.Bytes(), data, "scores")
				for i, w := range want {
					if d := math.Abs(float64(scores.X[i]) - w); !(d <= 1e-5) {
						t.Fatalf("%s, %s, float64 %v: score %d is %g, the probe says %g", pair.folder, solver, head.Float64, i,
							scores.X[i], w)
					}
				}
			}
		}
	}
}

// everyNinth returns every ninth test sample of ModelNet10, with 64 points.
func everyNinth(t *testing.T) datasets.Dataset {
	t.Helper()
	opened, err := datasets.Open(t.Context(), sharedtest.Path(t, "data", "modelnet10", "hdf5"),
		datasets.OpenOptions{Split: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	var at []int
	for i := 0; i < opened.Len(); i += 9 {
		at = append(at, i)
	}
	data, err := datasets.Apply(datasets.Subset(opened, at, "every ninth"), datasets.Preprocess{Points: 64})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// extractAll returns a tensor of a model for all samples.
func extractAll(t *testing.T, model []byte, data datasets.Dataset, tensor string) *feature.Set {
	t.Helper()
	session, err := (&Runtime{}).Open(t.Context(), probe.Source{Bytes: model}, tensor, datasets.Info{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	f, err := probe.Extract(t.Context(), session, data, probe.ExtractOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
