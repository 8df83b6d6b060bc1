package bench

import (
	"bytes"
	"context"
	"image/png"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
)

// shaped is a data set whose samples have one shape and the values 0, 1, 2, … over 100.
type shaped struct {
	ellipsoids
	shape []int
}

func (d *shaped) Read(_ context.Context, dst *datasets.Sample, i int) error {
	n := 1
	for _, v := range d.shape {
		n *= v
	}
	x := make([]float32, n)
	for k := range x {
		x[k] = float32(k) / 100
	}
	dst.Set(x, d.shape, d.Label(i))
	return nil
}

// What is stored of a sample depends on its shape: points of a cloud, the picture of an image, or nothing.
func TestPicturedShapes(t *testing.T) {
	t.Parallel()
	spec := &unit.Spec{Tests: []unit.Set{{Cells: []unit.Cell{{N: 1}}}}}
	for _, test := range []struct {
		shape          []int
		points, pixels int
		ok             bool
	}{
		{[]int{10, 3}, 10, 0, true},
		{[]int{5000, 3}, 1667, 0, true}, // every third
		{[]int{3, 4, 8}, 0, pictureSize, true},
		{[]int{7}, 0, 0, false},
		{[]int{1, 4, 8}, 0, 0, false},
	} {
		data := &shaped{ellipsoids{n: 1}, test.shape}
		r := &run{spec: spec, data: &runData{tests: [][]*source{{{data: data}}}}}
		s, ok, err := r.pictured(t.Context(), &result.SampleAnswer{})
		if err != nil || ok != test.ok || len(s.Points) != 3*test.points {
			t.Errorf("%v: %d values of points, %v, %v", test.shape, len(s.Points), ok, err)
		}
		if test.pixels == 0 {
			continue
		}
		m, err := png.Decode(bytes.NewReader(s.PNG))
		if err != nil || m.Bounds().Dx() != test.pixels {
			t.Errorf("%v: %v", test.shape, err)
		}
	}
}

func TestSamplesFile(t *testing.T) {
	t.Parallel()
	want := []result.Sample{{Points: []float32{0, 0.5, -1, 9, -9, 0.25}}, {PNG: []byte("picture")}, {}}
	var file bytes.Buffer
	if err := result.WriteSamples(&file, want); err != nil {
		t.Fatal(err)
	}
	got, err := result.ReadSamples(bytes.NewReader(file.Bytes()), int64(file.Len()), len(want))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []float32{0, 0.5, -1, result.SampleReach, -result.SampleReach, 0.25} {
		if d := got[0].Points[i] - v; d > 1e-3 || d < -1e-3 {
			t.Errorf("value %d: got %g, want %g", i, got[0].Points[i], v)
		}
	}
	if string(got[1].PNG) != "picture" || got[2].PNG != nil || got[2].Points != nil {
		t.Errorf("got %+v", got[1:])
	}
	if _, err := result.ReadSamples(bytes.NewReader(file.Bytes()), int64(file.Len()), 2); err == nil {
		t.Error("another number of samples is read")
	}
	for n := range file.Len() {
		if _, err := result.ReadSamples(bytes.NewReader(file.Bytes()[:n]), int64(n), len(want)); err == nil {
			t.Fatalf("the first %d of %d bytes are read", n, file.Len())
		}
	}
}
