package wiseft

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Attached heads run in every opset that onnxruntime supports, from 7 to 21: the forms of Gemm, Sub, Greater, Cast and
// Softmax differ between them.
func TestAttachedHeadRunsInEveryOpset(t *testing.T) {
	orttest.Load(t)
	file, err := os.ReadFile(filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge/onnx/testdata/finetuned.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	opset18 := []byte{8<<3 | 2, 4, 1<<3 | 2, 0, 2 << 3, 18} // ModelProto.opset_import = 8: domain = 1 "", version = 2
	if bytes.Count(file, opset18) != 1 {
		t.Fatal("the model does not import opset 18, or its payloads look so")
	}
	const clouds, points = 3, 5
	batch := probe.Batch{Shape: []int64{clouds, points, 3}}
	for i := range clouds * points * 3 {
		batch.X = append(batch.X, float32(i%17)/8-1)
	}
	hidden := runModel(t, file, "hidden", batch)
	cl := stepAndReLU(len(hidden) / clouds)
	for opset := byte(7); opset <= 21; opset++ {
		model := bytes.Replace(file, opset18, []byte{8<<3 | 2, 4, 1<<3 | 2, 0, 2 << 3, opset}, 1)
		m, err := onnx.Open(bytes.NewReader(model), int64(len(model)))
		if err != nil {
			t.Fatal(err)
		}
		for _, wide := range []bool{false, true} {
			for _, softmax := range []bool{false, true} {
				t.Run(fmt.Sprintf("opset=%d/float64=%v/softmax=%v", opset, wide, softmax), func(t *testing.T) {
					head := newHead(cl, "hidden")
					head.Float64, head.Softmax = wide, softmax
					var attached bytes.Buffer
					if err := surgery.Attach(t.Context(), &attached, m, head); err != nil {
						t.Fatal(err)
					}
					checkScores(t, runModel(t, attached.Bytes(), "scores", batch), cl, hidden, softmax)
				})
			}
		}
	}
}

// stepAndReLU returns a classifier with every kind of layer.
func stepAndReLU(dim int) *fit.Classifier {
	value := func(i int) float32 { return float32(i*i%13)/8 - 0.7 }
	cl := &fit.Classifier{Dim: dim, Classes: []string{"a", "b", "c"}}
	in := dim
	for _, l := range []fit.Layer{{B: make([]float64, 6), Act: fit.Step}, {B: make([]float64, 4), Act: fit.ReLU},
		{B: make([]float64, 3)}} {
		for c := range l.B {
			l.B[c] = float64(value(c))
		}
		for i := range in * len(l.B) {
			l.W = append(l.W, value(i))
		}
		cl.Layers = append(cl.Layers, l)
		in = len(l.B)
	}
	for j := range dim {
		cl.Mean = append(cl.Mean, value(j+3))
	}
	return cl
}

// runModel returns a tensor of a model.
func runModel(t *testing.T, model []byte, tensor string, batch probe.Batch) []float32 {
	t.Helper()
	s, err := (&Runtime{ort.Engine{Threads: 1}}).Open(t.Context(), probe.Source{Bytes: model}, tensor, datasets.Info{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := s.Extract(t.Context(), nil, batch)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// checkScores compares the output of a head with the classifier's scores of the features x.
func checkScores(t *testing.T, got []float32, cl *fit.Classifier, x []float32, softmax bool) {
	t.Helper()
	n, k := len(x)/cl.Dim, len(cl.Classes)
	want := make([]float64, n*k)
	cl.Scores(want, x, n)
	if len(got) != len(want) {
		t.Fatalf("%d values for %d samples of %d classes", len(got), n, k)
	}
	for i := range n {
		row, sum := want[i*k:(i+1)*k], 0.0
		for _, v := range row {
			sum += math.Exp(v)
		}
		for c, v := range row {
			if softmax {
				v = math.Exp(v) / sum
			}
			if d := math.Abs(float64(got[i*k+c]) - v); !(d <= 1e-6*max(1, math.Abs(v))) {
				t.Errorf("sample %d, class %d: got %g, want %g", i, c, got[i*k+c], v)
			}
		}
	}
}
