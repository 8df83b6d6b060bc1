package ort_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

const model = "../../onnxmerge/onnx/testdata/pretrained.onnx"

func open(t *testing.T, path, tensor string) probe.Extractor {
	t.Helper()
	orttest.Load(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ort.Engine{Threads: 1}.Open(t.Context(), ort.Source{Bytes: data}, tensor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	return x
}

// Rows do not depend on the batch that they are in, whatever shapes came before.
func TestRowsDoNotDependOnTheBatch(t *testing.T) {
	s := open(t, model, "")
	const points = 5
	x := ramp(4 * points * 3)
	all, err := s.Extract(t.Context(), nil, probe.Batch{X: x, Shape: []int64{4, points, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4*4 {
		t.Fatalf("%d values for 4 rows of 4 features", len(all))
	}
	var rows []float32
	for i := range 4 {
		rows, err = s.Extract(t.Context(), rows, probe.Batch{X: x[i*points*3 : (i+1)*points*3], Shape: []int64{1, points, 3}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range all {
		if d := math.Abs(float64(all[i] - rows[i])); d > 1e-6 || math.IsNaN(d) { // sums of 8 products of order 1
			t.Errorf("value %d is %g in a batch and %g alone", i, all[i], rows[i])
		}
	}
}

// A model exported for a fixed batch gives the features of one with a dynamic batch, also for a last batch that is
// not full.
func TestFixedBatch(t *testing.T) {
	// 12 samples, not a multiple of 5.
	made, err := shapes.New(shapes.Options{PerClass: 2, Points: 16, Classes: shapes.Indoor()[:6]})
	if err != nil {
		t.Fatal(err)
	}
	var features [2]*feature.Set
	for i, path := range []string{model, "../../onnxmerge/onnx/testdata/pretrained_batch5.onnx"} {
		if features[i], err = probe.Extract(t.Context(), open(t, path, ""), made, probe.ExtractOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if features[0].Len() != 12 || features[1].Len() != 12 || features[1].Meta.Batch != 5 {
		t.Fatalf("%d and %d samples, batch %d", features[0].Len(), features[1].Len(), features[1].Meta.Batch)
	}
	for i, want := range features[0].X {
		if got := features[1].X[i]; math.Abs(float64(got-want)) > 1e-6 { // sums of 8 products of order 1
			t.Errorf("value %d is %g with a fixed batch, want %g", i, got, want)
		}
	}
}

func TestExtractRefusesAndRecovers(t *testing.T) {
	s := open(t, model, "")
	ok := probe.Batch{X: ramp(6), Shape: []int64{1, 2, 3}}
	for name, b := range map[string]probe.Batch{
		"wrong channels":  {X: ramp(8), Shape: []int64{1, 2, 4}},
		"too few values":  {X: ramp(5), Shape: []int64{1, 2, 3}},
		"empty":           {Shape: []int64{0, 2, 3}},
		"overflow":        {X: ramp(6), Shape: []int64{1 << 62, 5, 3}},
		"negative":        {X: ramp(6), Shape: []int64{-1, -2, 3}},
		"without an axis": {},
	} {
		if _, err := s.Extract(t.Context(), nil, b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Extract(ctx, nil, ok); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got, err := s.Extract(t.Context(), nil, ok); err != nil || len(got) != 4 {
		t.Errorf("after errors: %d values (%v)", len(got), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	orttest.Load(t)
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	half, err := os.ReadFile("../../onnxmerge/onnx/testdata/pretrained_float16.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		model  []byte
		tensor string
	}{
		"unknown tensor": {data, "nothing"},
		"no model":       {nil, ""},
		"garbage":        {bytes.Repeat([]byte("x"), 100), ""},
		"float16":        {half, ""},
	} {
		_, err := ort.Engine{}.Open(t.Context(), ort.Source{Bytes: c.model}, c.tensor)
		var modelErr *ort.ModelError
		if !errors.As(err, &modelErr) {
			t.Errorf("%s: %v, want a ModelError", name, err)
		}
	}
}

// A missing GPU is an error; the model is not run on the CPU.
func TestNoCUDAIsAnError(t *testing.T) {
	lib := orttest.Load(t)
	if lib.CUDA {
		t.Skip("this library has a CUDA provider")
	}
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ort.Engine{Device: ort.Device{CUDA: true}}.Open(t.Context(), ort.Source{Bytes: data}, "")
	var libraryErr *ort.LibraryError
	if !errors.As(err, &libraryErr) || libraryErr.Advice == "" {
		t.Errorf("got %v, want a LibraryError with a hint", err)
	}
}
