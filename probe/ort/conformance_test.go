package ort_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// The tests of this file run over every binding of the build: two with cgo, one without.

// eachBinding runs a test with an engine of every binding. What it returns, a line for each thing that it saw, must be
// the same with all.
func eachBinding(t *testing.T, test func(t *testing.T, e ort.Engine) (seen []string)) {
	t.Helper()
	orttest.Load(t)
	engines, err := ort.Engines()
	if err != nil {
		t.Fatal(err)
	}
	if len(engines) == 0 {
		t.Fatal("the build has no binding")
	}
	var first []string
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			seen := test(t, e)
			if first == nil {
				first = seen
			}
			if len(seen) != len(first) {
				t.Fatalf("%d lines, %d with another binding", len(seen), len(first))
			}
			for i := range seen {
				if seen[i] != first[i] {
					t.Errorf("%s\nwith another binding %s", seen[i], first[i])
				}
			}
		})
	}
}

func program(t testing.TB, e ort.Engine, model []byte, inputs ...string) *ort.Program {
	t.Helper()
	p, err := e.OpenProgram(t.Context(), ort.Source{Bytes: model}, inputs, []string{"y"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// compute runs a program whose single input is a, and returns the single output.
func compute(t testing.TB, e ort.Engine, p *ort.Program, a ort.Array) *ort.Value {
	t.Helper()
	in, err := e.NewValue(a)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := p.Compute(t.Context(), []*ort.Value{in})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(out[0].Close(), out[0].Close()); err != nil {
			t.Error(err)
		}
	})
	return out[0]
}

// onePass runs a program on one array.
func onePass(t testing.TB, e ort.Engine, p *ort.Program, a ort.Array) {
	t.Helper()
	in, err := e.NewValue(a)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Compute(t.Context(), []*ort.Value{in})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(in.Close(), ort.CloseValues(out)); err != nil {
		t.Fatal(err)
	}
}

func TestBindingsGiveTheSameFeatures(t *testing.T) {
	model, err := os.ReadFile("../../cmd/wiseft/demo/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		s, err := e.Open(t.Context(), ort.Source{Bytes: model}, "features")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		seen = append(seen, fmt.Sprint(s.Inputs()))
		for _, batch := range []int64{1, 7, 7, 32, 7} { // an output is used again for the same shape
			const points = 64
			x, err := s.Extract(t.Context(), nil, probe.Batch{X: ramp(int(batch) * points * 3), Shape: []int64{batch, points, 3}})
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, fmt.Sprintf("%x", bits(x)))
		}
		return seen
	})
}

// A session whose output is declared by the caller is that for which onnxruntime reads the declarations.
func TestOpenDeclared(t *testing.T) {
	model, err := os.ReadFile("../../cmd/wiseft/demo/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		asked, err := e.Open(t.Context(), ort.Source{Bytes: model}, "features")
		if err != nil {
			t.Fatal(err)
		}
		defer asked.Close()
		want := asked.Output()
		want.Beside = nil
		told, err := e.OpenDeclared(t.Context(), ort.Source{Bytes: model}, want, asked.Inputs()...)
		if err != nil {
			t.Fatal(err)
		}
		defer told.Close()
		if got := told.Output(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("output %v, want %v", got, want)
		}
		for _, s := range []probe.Extractor{asked, told} {
			x, err := s.Extract(t.Context(), nil, probe.Batch{X: ramp(2 * 64 * 3), Shape: []int64{2, 64, 3}})
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, fmt.Sprintf("%v %x", s.Output().Shape, bits(x)))
		}
		if seen[0] != seen[1] {
			t.Errorf("%s\nwith a declared output %s", seen[0], seen[1])
		}
		wrong := slices.Clone(asked.Inputs())
		wrong[0].Type = 14 // complex64
		var modelErr *ort.ModelError
		if _, err := e.OpenDeclared(t.Context(), ort.Source{Bytes: model}, want, wrong...); !errors.As(err, &modelErr) {
			t.Errorf("an input of complex numbers: %v, want a ModelError", err)
		}
		return seen
	})
}

func bits(x []float32) (b []uint32) {
	for _, v := range x {
		b = append(b, math.Float32bits(v))
	}
	return b
}

// Values of every element type go in, and come out if the type can; an output is the input of another program after
// its own program is closed.
func TestElementTypes(t *testing.T) {
	types := []ort.ElementType{ort.Float32, ort.Uint8, ort.Int8, ort.Uint16, ort.Int16, ort.Int32, ort.Int64, ort.Bool,
		ort.Float16, ort.Float64, ort.Uint32, ort.Uint64, ort.BFloat16}
	values := []float32{0, 1, 2, 3, 100, 127}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		for _, dtype := range types {
			seen = append(seen, throughType(t, e, dtype, values)...)
		}
		return seen
	})
}

// throughType converts values to a type and back.
func throughType(t *testing.T, e ort.Engine, dtype ort.ElementType, values []float32) (seen []string) {
	t.Helper()
	to := program(t, e, castModel(ort.Float32, dtype, 2), "x")
	from := program(t, e, castModel(dtype, ort.Float32, 2), "x")
	in := ort.Array{Type: ort.Float32, Shape: []int64{2, 3}, Data: raw(values...)}
	half := dtype == ort.Float16 || dtype == ort.BFloat16
	if half {
		v, err := e.NewValue(in)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		_, err = to.Compute(t.Context(), []*ort.Value{v})
		var modelErr *ort.ModelError
		if !errors.As(err, &modelErr) {
			t.Errorf("an output of type %s: %v, want a ModelError", dtype, err)
		}
		in = ort.Array{Type: dtype, Shape: []int64{2, 3}, Data: make([]byte, 12)}
		for i, v := range []uint16{0, 1, 2, 3, 0x3c00, 0x3f80} { // among them 1 as float16 and as bfloat16
			binary.LittleEndian.PutUint16(in.Data[2*i:], v)
		}
		return append(seen, fmt.Sprint(err), fmt.Sprintf("%x", compute(t, e, from, in).Data()))
	}
	made := compute(t, e, to, in)
	if made.Type != dtype || !slices.Equal(made.Shape, []int64{2, 3}) || made.SizeBytes() != 6*dtype.Size() {
		t.Errorf("an output of type %s has type %s and shape %v", dtype, made.Type, made.Shape)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	back, err := from.Compute(t.Context(), []*ort.Value{made})
	if err != nil {
		t.Fatal(err)
	}
	defer back[0].Close()
	got, err := back[0].Float32s()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if want := v; got[i] != want && dtype != ort.Bool || dtype == ort.Bool && got[i] != min(v, 1) {
			t.Errorf("%g through %s is %g", v, dtype, got[i])
		}
	}
	seen = append(seen, fmt.Sprintf("%s %x", dtype, made.Data()))
	if _, err := made.Int64s(); (err == nil) != (dtype == ort.Int64) {
		t.Errorf("Int64s of %s: %v", dtype, err)
	}
	return seen
}

// Outputs without elements and outputs that are no tensors are what they are.
func TestUnusualOutputs(t *testing.T) {
	where := modelOf([]port{{name: "x", dtype: ort.Float32, shape: []int64{-1}}}, []port{{name: "y", dtype: ort.Int64, shape: []int64{1, -1}}},
		node{op: "NonZero", in: []string{"x"}, out: []string{"y"}})
	sequence := modelOf([]port{{name: "x", dtype: ort.Float32, shape: []int64{-1}}}, []port{{name: "y", dtype: ort.Float32, sequence: true}},
		node{op: "SequenceConstruct", in: []string{"x"}, out: []string{"y"}})
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		v := compute(t, e, program(t, e, where, "x"), ort.Array{Type: ort.Float32, Shape: []int64{3}, Data: raw(0, 0, 0)})
		n, err := v.Int64s()
		if err != nil || len(n) != 0 || !slices.Equal(v.Shape, []int64{1, 0}) {
			t.Errorf("%v of shape %v (%v), want none", n, v.Shape, err)
		}
		in, err := e.NewValue(ort.Array{Type: ort.Float32, Shape: []int64{1}, Data: raw(1)})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		_, err = program(t, e, sequence, "x").Compute(t.Context(), []*ort.Value{in})
		var modelErr *ort.ModelError
		if !errors.As(err, &modelErr) {
			t.Errorf("a sequence: %v, want a ModelError", err)
		}
		return append(seen, fmt.Sprint(err))
	})
}

// Both bindings refuse the same with the same words, and run on.
func TestBindingsGiveTheSameErrors(t *testing.T) {
	half := castModel(ort.Float16, ort.Float32, 2)
	good := castModel(ort.Float32, ort.Float32, 2)
	garbage := slices.Repeat([]byte("x"), 100)
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		expect := func(what string, err error) {
			t.Helper()
			var modelErr *ort.ModelError
			if !errors.As(err, &modelErr) {
				t.Errorf("%s: %v, want a ModelError", what, err)
			}
			seen = append(seen, fmt.Sprintf("%s: %v", what, err))
		}
		for what, model := range map[string][]byte{"garbage": garbage, "float16": half, "two inputs": loopModel(),
			"no operator": modelOf([]port{{name: "x", dtype: ort.Float32, shape: nil}}, []port{{name: "y", dtype: ort.Float32, shape: nil}},
				node{op: "Nothing", in: []string{"x"}, out: []string{"y"}})} {
			_, err := e.Open(t.Context(), ort.Source{Bytes: model}, "y")
			expect(what, err)
		}
		_, err := e.Open(t.Context(), ort.Source{Bytes: good}, "z")
		expect("no such output", err)
		for what, source := range map[string]ort.Source{"program of garbage": {Bytes: garbage},
			"no file": {Path: "testdata/missing.onnx"}} {
			_, err := e.OpenProgram(t.Context(), source, []string{"x"}, []string{"y"})
			expect(what, err)
		}
		p := program(t, e, good, "x")
		for what, a := range map[string]ort.Array{"another type": {Type: ort.Int32, Shape: []int64{1, 1}, Data: raw(1)},
			"another rank": {Type: ort.Float32, Shape: []int64{1}, Data: raw(1)}} {
			_, err := p.Run(t.Context(), []ort.Array{a})
			expect(what, err)
		}
		q, err := e.OpenProgram(t.Context(), ort.Source{Bytes: good}, []string{"nothing"}, []string{"y"})
		if err == nil {
			defer q.Close()
			_, err = q.Run(t.Context(), []ort.Array{{Type: ort.Float32, Shape: []int64{1, 1}, Data: raw(1)}})
		}
		expect("no such input", err)
		if got, err := p.Run(t.Context(), []ort.Array{{Type: ort.Float32, Shape: []int64{1, 1}, Data: raw(7)}}); err != nil ||
			got[0].X[0] != 7 {
			t.Errorf("after errors: %v, %v", got, err)
		}
		slices.Sort(seen)
		return seen
	})
}

// A library without a CUDA provider, and a provider without a GPU, are errors of the library with both.
func TestBindingsRefuseCUDAAlike(t *testing.T) {
	if err := exec.Command("nvidia-smi").Run(); err == nil {
		t.Skip("this machine has a GPU")
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		e.Device = ort.Device{CUDA: true}
		_, opened := e.Open(t.Context(), ort.Source{Bytes: castModel(ort.Float32, ort.Float32, 2)}, "")
		_, loaded := e.OpenProgram(t.Context(), ort.Source{Path: "missing.onnx"}, []string{"x"}, []string{"y"})
		for _, err := range []error{opened, loaded} {
			var libraryErr *ort.LibraryError
			if !errors.As(err, &libraryErr) || libraryErr.Advice == "" {
				t.Errorf("got %v, want a LibraryError with a hint", err)
			}
			seen = append(seen, fmt.Sprint(err))
		}
		return seen
	})
}

// What is closed is named when it is used, and nothing is read from it.
func TestClosedIsRefused(t *testing.T) {
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		a := ort.Array{Type: ort.Float32, Shape: []int64{1, 1}, Data: raw(1)}
		p := program(t, e, castModel(ort.Float32, ort.Float32, 2), "x")
		v := compute(t, e, p, a)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		_, read := v.Float32s()
		_, passed := p.Compute(t.Context(), []*ort.Value{v})
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		_, run := p.Run(t.Context(), []ort.Array{a})
		for _, err := range []error{read, passed, run} {
			if err == nil {
				t.Error("something closed was used")
			}
			seen = append(seen, fmt.Sprint(err))
		}
		return seen
	})
}

// A pass ends soon after its context, and the program runs on.
func TestPassIsTerminated(t *testing.T) {
	eachBinding(t, func(t *testing.T, e ort.Engine) []string {
		p := program(t, e, loopModel(), "n", "v")
		run := func(ctx context.Context, n uint64) ([]probe.Batch, error) {
			return p.Run(ctx, []ort.Array{{Type: ort.Int64, Data: binary.LittleEndian.AppendUint64(nil, n)},
				{Type: ort.Float32, Shape: []int64{1}, Data: raw(1)}})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := run(ctx, 1<<40); !errors.Is(err, context.DeadlineExceeded) { // days, if it were not terminated
			t.Errorf("got %v, want the context's error", err)
		}
		if got, err := run(t.Context(), 10); err != nil || got[0].X[0] != 1024 {
			t.Errorf("afterwards: %v, %v", got, err)
		}
		return nil
	})
}

// A model is read from a folder whose name is not ASCII.
func TestModelFromAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Modèle 模型 🙂.onnx")
	if err := os.WriteFile(path, castModel(ort.Float32, ort.Float32, 1), 0o666); err != nil {
		t.Fatal(err)
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		p, err := e.OpenProgram(t.Context(), ort.Source{Path: path}, []string{"x"}, []string{"y"})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		got, err := p.Run(t.Context(), []ort.Array{{Type: ort.Float32, Shape: []int64{2}, Data: raw(1, 2)}})
		if err != nil {
			t.Fatal(err)
		}
		return append(seen, fmt.Sprint(got))
	})
}

// An array may lie in memory that is not Go's, such as another value's.
func TestArrayOutsideOfGo(t *testing.T) {
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		p := program(t, e, castModel(ort.Float32, ort.Float32, 2), "x")
		first := compute(t, e, p, ort.Array{Type: ort.Float32, Shape: []int64{1, 2}, Data: raw(3, 4)})
		second := compute(t, e, p, ort.Array{Type: ort.Float32, Shape: []int64{2, 1}, Data: first.Data()})
		return append(seen, fmt.Sprintf("%x %v", second.Data(), second.Shape))
	})
}

// Sessions run at the same time, while Go collects garbage.
func TestSessionsRunConcurrently(t *testing.T) {
	eachBinding(t, func(t *testing.T, e ort.Engine) []string {
		var group sync.WaitGroup
		for worker := range 4 {
			p := program(t, e, castModel(ort.Float32, ort.Float32, 2), "x")
			group.Go(func() {
				for i := range 100 {
					want := float32(worker*1000 + i)
					got, err := p.Run(t.Context(), []ort.Array{{Type: ort.Float32, Shape: []int64{1, 1}, Data: raw(want)}})
					if err != nil || got[0].X[0] != want {
						t.Errorf("worker %d, pass %d: %v, %v", worker, i, got, err)
						return
					}
					if i%10 == 0 {
						runtime.GC()
					}
				}
			})
		}
		group.Wait()
		return nil
	})
}

// raw returns numbers as the data of an array.
func raw(values ...float32) (data []byte) {
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}

// Arrays of text and arrays without elements go in with either binding.
func TestTextAndEmptyArrays(t *testing.T) {
	shapeOf := func(dtype ort.ElementType) []byte {
		return modelOf([]port{{name: "x", dtype: dtype, shape: []int64{-1, -1}}}, []port{{name: "y", dtype: ort.Int64, shape: []int64{2}}},
			node{op: "Shape", in: []string{"x"}, out: []string{"y"}})
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		for dtype := ort.Float32; dtype <= ort.BFloat16; dtype++ {
			if !dtype.Holds() {
				continue
			}
			for _, a := range []ort.Array{{Type: dtype, Shape: []int64{3, 0}},
				{Type: dtype, Shape: []int64{1, 2}, Data: make([]byte, 2*dtype.Size()), Text: []string{"", "é b"}}} {
				if dtype != ort.String {
					a.Text = nil
				}
				got, err := compute(t, e, program(t, e, shapeOf(dtype), "x"), a).Int64s()
				if err != nil || !slices.Equal(got, a.Shape) {
					t.Errorf("%s: shape %v (%v), want %v", dtype, got, err, a.Shape)
				}
				seen = append(seen, fmt.Sprint(dtype, got))
			}
		}
		_, err := e.NewValue(ort.Array{Type: ort.String, Shape: []int64{1}, Text: []string{"a\x00b"}})
		if err == nil || !strings.Contains(err.Error(), "zero byte") {
			t.Errorf("a text with a zero byte: %v", err)
		}
		return append(seen, fmt.Sprint(err))
	})
}
