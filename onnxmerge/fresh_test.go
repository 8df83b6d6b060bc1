package onnxmerge_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// freshNet has a tensor of every use: seed 0 is the first model, others are near it.
func freshNet(seed uint64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	at := uint64(0)
	tensor := func(name string, dims ...int) {
		at++
		n := 1
		for _, d := range dims {
			n *= d
		}
		values := onnxtest.Random(at, n)
		if seed > 0 {
			values = onnxtest.Near(values, 100*seed+at)
		}
		for i := range values {
			values[i] = math.Abs(values[i]) + .1
		}
		b.Tensor(name, values, dims...)
	}
	b.Input("x", -1, 3, 40)
	tensor("conv.weight", 64, 3, 5)
	tensor("conv.bias", 64)
	b.Node("conv", "Conv", "x", "conv.weight", "conv.bias")
	for _, name := range []string{"scale", "shift", "mean", "var"} {
		tensor("norm."+name, 64)
	}
	b.Node("norm", "BatchNormalization", "conv", "norm.scale", "norm.shift", "norm.mean", "norm.var")
	tensor("slope", 64, 1)
	b.Node("prelu", "PRelu", "norm", "slope")
	b.Call([]string{"pooled"}, "", "ReduceMax", []string{"prelu"}, onnxtest.Attr{Name: "axes", Value: []int64{2}},
		onnxtest.Attr{Name: "keepdims", Value: int64(0)})
	tensor("dense.weight", 64, 80)
	tensor("dense.bias", 80)
	b.Node("product", "MatMul", "pooled", "dense.weight")
	b.Node("sum", "Add", "product", "dense.bias")
	tensor("linear.weight", 90, 80)
	b.Call([]string{"linear.turned"}, "", "Transpose", []string{"linear.weight"}, onnxtest.Attr{Name: "perm", Value: []int64{1, 0}})
	b.Node("y", "MatMul", "sum", "linear.turned")
	return b
}

// Random weights have the variance of their fan-in, biases and normalisations their initial values, and what has
// another use is kept by name. Equal seeds give equal bytes.
func TestFresh(t *testing.T) {
	t.Parallel()
	plan, err := onnxmerge.NewPlan(t.Context(), []*onnx.Model{freshNet(0).Open(t), freshNet(1).Open(t)}, onnxmerge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write := func(seed uint64) (*onnx.Model, []byte) {
		fresh, kept, err := plan.Fresh(seed)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(kept, []string{"slope"}) {
			t.Errorf("%q are kept", kept)
		}
		var out bytes.Buffer
		if _, err := onnxmerge.Run(t.Context(), &out, fresh, nil); err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		return m, out.Bytes()
	}
	m, first := write(1)
	for _, x := range m.Tensors {
		raw, values := make([]byte, x.SizeBytes()), make([]float64, x.Len())
		if err := x.ReadAt(raw, 0); err != nil {
			t.Fatal(err)
		}
		codec, _ := x.DType.Codec()
		codec.Decode(values, raw)
		mean, square := 0., 0.
		for _, v := range values {
			mean, square = mean+v/float64(len(values)), square+v*v/float64(len(values))
		}
		wantMean, want := 0., 0.
		switch x.ID() {
		case "conv.weight":
			want = 2. / 15
		case "dense.weight":
			want = 2. / 64
		case "linear.weight":
			want = 2. / 80
		case "norm.scale", "norm.var":
			wantMean, want = 1, 1
		case "slope":
			continue
		}
		if math.Abs(mean-wantMean) > .1 || math.Abs(square-want) > .15*want {
			t.Errorf("%s: mean %g and mean square %g, want %g and %g", x.ID(), mean, square, wantMean, want)
		}
	}
	if _, again := write(1); !bytes.Equal(again, first) {
		t.Error("the same seed gives other bytes")
	}
	if _, other := write(2); bytes.Equal(other, first) {
		t.Error("another seed gives the same bytes")
	}
}
