package onnxmerge

import (
	"math"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
)

func TestLayersAgreeWithDiff(t *testing.T) {
	t.Parallel()
	a, b := openPath(t, filepathDemo("pretrained.onnx")), openPath(t, filepathDemo("finetuned.onnx"))
	plan, err := planPair(t.Context(), a, b, Options{Exclude: []string{"fc1.*"}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diff(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	layers, changes, err := Layers(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	at, elements, copied := map[string]Layer{}, int64(0), 0
	deepest := 0.0
	for _, l := range layers {
		at[l.Tensor] = l
		deepest = max(deepest, l.Depth)
		switch l.Action {
		case Merge:
			elements += l.Elements
		case Copy:
			copied++
			if l.RelL2 != nil || l.Alpha != nil || l.Reason == "" {
				t.Errorf("%+v", l)
			}
		}
	}
	for _, p := range d.Pairs {
		if l, ok := at[p.B]; ok && (*l.RelL2 != *p.RelL2 || *l.Cosine != *p.Cosine || *l.Alpha != 0.5) {
			t.Errorf("%s: got %g and %g, want %g and %g", p.B, *l.RelL2, *l.Cosine, *p.RelL2, *p.Cosine)
		}
	}
	counted := changes.Equal + changes.Other
	for _, n := range changes.Bins {
		counted += n
	}
	if counted != elements || changes.Other != 0 || copied == 0 || deepest != 1 {
		t.Errorf("%d changes of %d elements, %d of them none; %d tensors copied; depth up to %g", counted, elements, changes.Other,
			copied, deepest)
	}
}

// The mix at alpha 0 is the pre-trained tensor, half way it is half as far from the fine-tuned one, and at alpha 1 it is that.
func TestLayersSayWhatTheMethodChanged(t *testing.T) {
	t.Parallel()
	a, b := openPath(t, filepathDemo("pretrained.onnx")), openPath(t, filepathDemo("finetuned.onnx"))
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diff(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, alpha := range []float64{0, 0.5, 1} {
		at, err := plan.With(method.Params{"alpha": alpha})
		if err != nil {
			t.Fatal(err)
		}
		layers, _, err := Layers(t.Context(), at, nil)
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, l := range layers {
			for _, p := range d.Pairs {
				if p.B != l.Tensor {
					continue
				}
				compared++
				// float32 rounds by 6e-8 of a weight.
				if want := (1 - alpha) * *p.RelL2; math.Abs(*l.Moved-want) > 1e-6 {
					t.Errorf("alpha %g: %s moved by %g, want %g", alpha, l.Tensor, *l.Moved, want)
				}
			}
		}
		if compared < 30 {
			t.Errorf("only %d tensors were compared", compared)
		}
	}
}

func TestChangesCount(t *testing.T) {
	t.Parallel()
	c := &Changes{}
	for _, change := range []float64{0, 1e-9, 1.1e-6, 0.2, 0.9, 1, 2, 1e9, math.Inf(1), math.NaN()} {
		c.count(2*change, 2)
	}
	c.count(1, 0)
	want := Changes{Equal: 1, Other: 3}
	want.Bins[0], want.Bins[10], want.Bins[11], want.Bins[12], want.Bins[13] = 2, 1, 1, 2, 1
	if *c != want {
		t.Errorf("got %+v, want %+v", *c, want)
	}
}
