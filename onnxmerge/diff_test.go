package onnxmerge

import (
	"math"
	"testing"
)

func TestDiffMeasuresEveryElement(t *testing.T) {
	t.Parallel()
	a := normalised(t, []float32{3, 4, 0}, []float32{1, 1, 1})
	b := normalised(t, []float32{0, 4, 3}, []float32{1, 1, 1})
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diff(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Pairs {
		cosine, relL2 := 1.0, 0.0
		if p.B == "bn.scale" {
			cosine, relL2 = 16.0/25, math.Sqrt(18)/5
		}
		if math.Abs(*p.Cosine-cosine) > 1e-15 || math.Abs(*p.RelL2-relL2) > 1e-15 || p.How != "structure" ||
			p.Transposed {
			t.Errorf("%+v, want cosine %g and distance %g", p, cosine, relL2)
		}
	}
	if len(d.Pairs) != 4 || d.Verdict != Mergeable || len(d.Reasons) != 0 {
		t.Errorf("%d pairs, %s, %q", len(d.Pairs), d.Verdict, d.Reasons)
	}
}

func TestDiffOfLargeAndTransposedTensors(t *testing.T) {
	t.Parallel()
	a := openPath(t, filepathDemo("finetuned.onnx"))
	b := withPayloads(t, a, map[string][]byte{"fc1.weight": noise(a.Lookup("fc1.weight"), 1)}) // 512 KiB
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diff(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Pairs {
		if same := p.B != "fc1.weight"; same != (*p.RelL2 == 0) || !same && math.Abs(*p.Cosine) > 0.05 {
			t.Errorf("%+v", p)
		}
	}
	plan, err = planPair(t.Context(), openPath(t, local("finetuned.onnx")), openPath(t, local("finetuned_folded.onnx")),
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d, err = Diff(t.Context(), plan, nil); err != nil || *d.RelL2 != 0 {
		t.Errorf("the same weights, two of them transposed: %+v (%v)", d, err)
	}
}
