package ort_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// A program gives what a session gives, from a model in memory and from a file.
func TestProgramAndSessionAgree(t *testing.T) {
	s := open(t, model, "")
	x, shape := ramp(2*5*3), []int64{2, 5, 3}
	want, err := s.Extract(t.Context(), nil, probe.Batch{X: x, Shape: shape})
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	file, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []ort.Source{{Bytes: file}, {Path: model}} {
		p, err := ort.Engine{Threads: 1}.OpenProgram(t.Context(), source, []string{s.Inputs()[0].Name}, []string{"features"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Run(t.Context(), []ort.Array{{Type: ort.Float32, Shape: shape, Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[0].X[i] != want[i] || got[0].Shape[0] != 2 {
				t.Fatalf("value %d of shape %v is %g, want %g", i, got[0].Shape, got[0].X[i], want[i])
			}
		}
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	}
}

// Arrays that are malformed, or do not fit the model, are errors, and the program runs on.
func TestProgramRefusesAndRecovers(t *testing.T) {
	orttest.Load(t)
	s := open(t, model, "")
	p, err := ort.Engine{Threads: 1}.OpenProgram(t.Context(), ort.Source{Path: model}, []string{s.Inputs()[0].Name},
		[]string{"features"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	good := ort.Array{Type: ort.Float32, Shape: []int64{1, 2, 3}, Data: make([]byte, 24)}
	for name, list := range map[string][]ort.Array{
		"no input":       nil,
		"too few bytes":  {{Type: ort.Float32, Shape: []int64{1, 2, 3}, Data: make([]byte, 20)}},
		"too many bytes": {{Type: ort.Float32, Shape: []int64{1, 2, 3}, Data: make([]byte, 28)}},
		"unknown type":   {{Type: 8, Shape: []int64{1, 2, 3}, Data: make([]byte, 24)}},
		"another type":   {{Type: ort.Int32, Shape: []int64{1, 2, 3}, Data: make([]byte, 24)}},
		"wrong channels": {{Type: ort.Float32, Shape: []int64{1, 2, 4}, Data: make([]byte, 32)}},
		"negative":       {{Type: ort.Float32, Shape: []int64{-1, -2, 3}, Data: make([]byte, 24)}},
		"no axes":        {{Type: ort.Float32, Data: make([]byte, 4)}},
		"half a number":  {{Type: ort.Float16, Data: make([]byte, 2)}},
	} {
		if _, err := p.Run(t.Context(), list); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got, err := p.Run(t.Context(), []ort.Array{good}); err != nil || len(got) != 1 || len(got[0].X) != 4 {
		t.Errorf("after errors: %v, %v", got, err)
	}
}

func TestOpenProgramRefuses(t *testing.T) {
	orttest.Load(t)
	for name, source := range map[string]ort.Source{
		"garbage": {Bytes: []byte("no model")}, "no file": {Path: "testdata/missing.onnx"},
	} {
		_, err := ort.Engine{}.OpenProgram(t.Context(), source, []string{"x"}, []string{"y"})
		var modelErr *ort.ModelError
		if !errors.As(err, &modelErr) {
			t.Errorf("%s: %v, want a ModelError", name, err)
		}
	}
}
