package ort_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// A single number of every type that can be returned goes in; a single number of 16 bits is refused.
func TestSingleNumbers(t *testing.T) {
	shapeless := func(dtype ort.ElementType) []byte { // x, without axes, becomes y with one
		return modelOf([]port{{name: "x", dtype: dtype, shape: nil}, {name: "axes", dtype: ort.Int64, shape: []int64{1}}}, []port{{name: "y", dtype: ort.Float32, shape: []int64{1}}},
			node{op: "Unsqueeze", in: []string{"x", "axes"}, out: []string{"z"}},
			node{op: "Cast", in: []string{"z"}, out: []string{"y"}, to: ort.Float32})
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		for dtype := ort.Float32; dtype <= ort.BFloat16; dtype++ {
			if dtype.Size() == 0 {
				continue
			}
			p := program(t, e, shapeless(dtype), "x", "axes")
			data := make([]byte, dtype.Size())
			data[0], data[len(data)-1] = 1, data[len(data)-1]|1
			got, err := p.Run(t.Context(), []ort.Array{{Type: dtype, Data: data},
				{Type: ort.Int64, Shape: []int64{1}, Data: make([]byte, 8)}})
			if refused := dtype == ort.Float16 || dtype == ort.BFloat16; (err != nil) != refused {
				t.Errorf("%s: %v", dtype, err)
			}
			seen = append(seen, fmt.Sprint(dtype, got, err))
		}
		return seen
	})
}

// Outputs without axes are returned, of every type that others are returned of, beside others, and by each pass.
func TestOutputsWithoutAxes(t *testing.T) {
	float := func(shape []int64, v ...float32) ort.Array {
		return ort.Array{Type: ort.Float32, Shape: shape, Data: raw(v...)}
	}
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		for dtype := ort.Float32; dtype < ort.BFloat16; dtype++ {
			if dtype.Size() == 0 || dtype == ort.Float16 {
				continue
			}
			model := modelOf([]port{{name: "x", dtype: ort.Float32}, {name: "v", dtype: ort.Float32, shape: []int64{-1}}},
				[]port{{name: "y", dtype: dtype}, {name: "z", dtype: ort.Float32, shape: []int64{-1}}, {name: "n", dtype: ort.Int64}},
				node{op: "Cast", in: []string{"x"}, out: []string{"y"}, to: dtype},
				node{op: "Relu", in: []string{"v"}, out: []string{"z"}},
				node{op: "Size", in: []string{"v"}, out: []string{"n"}})
			p, err := e.OpenProgram(t.Context(), ort.Source{Bytes: model}, []string{"x", "v"}, []string{"y", "z", "n"})
			if err != nil {
				t.Fatal(err)
			}
			for _, inputs := range [][]ort.Array{{float(nil, 1), float([]int64{2}, 3, -3)}, {float(nil, 0), float([]int64{3}, 4, 5, 6)}} {
				out, err := run(t, e, p, inputs)
				if err != nil {
					t.Fatalf("%s: %v", dtype, err)
				}
				for _, v := range out {
					seen = append(seen, fmt.Sprint(v.Type, v.Shape, v.Data()))
				}
				if got := out[0].Data(); len(out[0].Shape) != 0 || int64(len(got)) != dtype.Size() || slices.Max(got) == 0 != (inputs[0].Data[3] == 0) {
					t.Errorf("%s: % x of shape %v", dtype, got, out[0].Shape)
				}
				if err := ort.CloseValues(out); err != nil {
					t.Error(err)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		return seen
	})
}

// A session whose output is a single number writes it again by each pass.
func TestSessionOfSingleNumbers(t *testing.T) {
	model := modelOf([]port{{name: "x", dtype: ort.Float32, shape: []int64{-1, -1}}}, []port{{name: "y", dtype: ort.Float32}},
		node{op: "ReduceSumSquare", in: []string{"x"}, out: []string{"sum"}}, // of all, with axes
		node{op: "Squeeze", in: []string{"sum"}, out: []string{"y"}})
	eachBinding(t, func(t *testing.T, e ort.Engine) (seen []string) {
		s, err := e.Open(t.Context(), ort.Source{Bytes: model}, "y")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for want := float32(1); want < 5; want++ {
			x, err := s.Extract(t.Context(), nil, probe.Batch{X: []float32{want}, Shape: []int64{1, 1}})
			if err != nil || !slices.Equal(x, []float32{want * want}) {
				t.Errorf("%g, %v, want the square of %g", x, err, want)
			}
		}
		return nil
	})
}

// run passes arrays through a program.
func run(t *testing.T, e ort.Engine, p *ort.Program, inputs []ort.Array) ([]*ort.Value, error) {
	t.Helper()
	values := make([]*ort.Value, len(inputs))
	for i, a := range inputs {
		v, err := e.NewValue(a)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		values[i] = v
	}
	return p.Compute(t.Context(), values)
}
