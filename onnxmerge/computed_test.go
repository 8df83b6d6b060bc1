package onnxmerge

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// scaledLayer is a layer of four channels and its normalisation, in one of the forms in which exporters write it.
type scaledLayer struct {
	weight, gamma, beta, mean, variance []float64
}

func newScaledLayer(tuned bool) scaledLayer {
	random := func(seed uint64, n int) []float64 {
		x := onnxtest.Random(seed, n)
		if tuned {
			x = onnxtest.Near(x, seed+10)
		}
		return x
	}
	l := scaledLayer{random(1, 16), random(2, 4), random(3, 4), random(4, 4), random(5, 4)}
	for i := range 4 {
		l.gamma[i], l.variance[i] = math.Abs(l.gamma[i])+.5, math.Abs(l.variance[i])+.5
	}
	return l
}

const scaledEpsilon = .25

// folded returns the weight and the bias of the layer as one linear operator.
func (l scaledLayer) folded(form scaledForm) (weight, bias []float64) {
	for i, w := range l.weight {
		c := form.channel(i)
		weight = append(weight, w*l.gamma[c]/math.Sqrt(l.variance[c]+scaledEpsilon))
	}
	for c := range l.beta {
		bias = append(bias, l.beta[c]-l.gamma[c]/math.Sqrt(l.variance[c]+scaledEpsilon)*l.mean[c])
	}
	return weight, bias
}

// scaledForm is a linear operator, and what stands between the computed vectors and it.
type scaledForm struct {
	op                   string // "Conv" or "MatMul"
	reshaped, transposed bool
}

func (f scaledForm) channel(i int) int {
	if f.op == "Conv" {
		return i / 4
	}
	return i % 4
}

// linear writes the linear operator, and returns the name of its result.
func (f scaledForm) linear(b *onnxtest.Builder, weight []float64) string {
	if f.op == "Conv" {
		b.Input("x", 1, 4, 2, 3)
		b.Tensor("weight", weight, 4, 4, 1, 1)
	} else {
		b.Input("x", 2, 4)
		b.Tensor("weight", weight, 4, 4)
	}
	b.Output("y")
	b.Node("linear", f.op, "x", "weight")
	if !f.transposed {
		return "linear"
	}
	b.Call([]string{"moved"}, "", "Transpose", []string{"linear"}, onnxtest.Attr{Name: "perm", Value: []int64{0, 2, 3, 1}})
	return "moved"
}

// dims returns the axes of a vector by channel that is added to the result.
func (f scaledForm) dims() []int {
	if f.op == "Conv" && !f.transposed {
		return []int{4, 1, 1}
	}
	return []int{4}
}

// foldedModel has one linear operator.
func (f scaledForm) foldedModel(t *testing.T, l scaledLayer) *onnx.Model {
	var b onnxtest.Builder
	weight, bias := l.folded(f)
	at := f.linear(&b, weight)
	b.Tensor("bias", bias, f.dims()...)
	b.Node("shifted", "Add", at, "bias")
	b.Node("y", "Relu", "shifted")
	return b.Open(t)
}

// computedModel computes the scale and the shift.
func (f scaledForm) computedModel(t *testing.T, l scaledLayer) *onnx.Model {
	var b onnxtest.Builder
	at := f.linear(&b, l.weight)
	dims := f.dims()
	if f.reshaped {
		dims = []int{4}
	}
	for name, x := range map[string][]float64{"gamma": l.gamma, "beta": l.beta, "mean": l.mean, "variance": l.variance} {
		b.Tensor(name, x, dims...)
	}
	b.Tensor("epsilon", []float64{scaledEpsilon})
	b.Node("sum", "Add", "variance", "epsilon")
	b.Node("root", "Sqrt", "sum")
	b.Node("inverse", "Reciprocal", "root")
	b.Node("scale", "Mul", "gamma", "inverse")
	b.Node("moved mean", "Mul", "mean", "scale")
	b.Node("shift", "Sub", "beta", "moved mean")
	scale, shift := "scale", "shift"
	if f.reshaped {
		b.Int64("shape", []int64{-1, 1, 1}, 3)
		b.Node("scale by channel", "Reshape", "scale", "shape")
		b.Node("shift by channel", "Reshape", "shift", "shape")
		scale, shift = "scale by channel", "shift by channel"
	}
	b.Node("scaled", "Mul", at, scale)
	b.Node("shifted", "Add", "scaled", shift)
	b.Node("y", "Relu", "shifted")
	return b.Open(t)
}

var scaledForms = []scaledForm{{op: "Conv"}, {op: "Conv", reshaped: true}, {op: "Conv", transposed: true}, {op: "MatMul"}}

// With FoldNorms, the mix of a layer whose scale is computed and one in which it is folded is the mix of both as linear
// operators, whichever model computes it.
func TestComputedScalesAreFolded(t *testing.T) {
	t.Parallel()
	a, b := newScaledLayer(false), newScaledLayer(true)
	for _, f := range scaledForms {
		weightA, biasA := a.folded(f)
		weightB, biasB := b.folded(f)
		check := func(how string, weight, bias []float64) {
			for i, x := range weight {
				if want := .7*weightA[i] + .3*weightB[i]; !near(x, want) {
					t.Fatalf("%+v, %s: weight %d is %g, want %g", f, how, i, x, want)
				}
			}
			for i, x := range bias {
				if want := .7*biasA[i] + .3*biasB[i]; !near(x, want) {
					t.Fatalf("%+v, %s: bias %d is %g, want %g", f, how, i, x, want)
				}
			}
		}
		m := mergeFolding(t, f.computedModel(t, a), f.foldedModel(t, b), .3)
		check("folded", numbers(t, m.Lookup("weight")), numbers(t, m.Lookup("bias")))
		m = mergeFolding(t, f.foldedModel(t, a), f.computedModel(t, b), .3)
		read := func(name string) []float64 { return numbers(t, m.Lookup(name)) }
		merged := scaledLayer{read("weight"), read("gamma"), read("beta"), read("mean"), read("variance")}
		weight, bias := merged.folded(f)
		check("unfolded", weight, bias)
	}
}

// Without FoldNorms such pairs are refused for the scale.
func TestComputedScalesAreFoldedOnRequest(t *testing.T) {
	t.Parallel()
	a, b := newScaledLayer(false), newScaledLayer(true)
	for _, f := range scaledForms {
		for _, pair := range [][2]*onnx.Model{
			{f.computedModel(t, a), f.foldedModel(t, b)}, {f.foldedModel(t, a), f.computedModel(t, b)},
		} {
			_, err := planPair(t.Context(), pair[0], pair[1], Options{})
			var mismatch *MismatchError
			if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "has a Mul behind it") {
				t.Errorf("%+v: %v", f, err)
			}
		}
	}
}

// A layer whose mean is subtracted first is no folded one: its weight is not scaled.
func TestAnotherFormIsNotFolded(t *testing.T) {
	t.Parallel()
	f, l := scaledForm{op: "MatMul"}, newScaledLayer(false)
	var b onnxtest.Builder
	at := f.linear(&b, l.weight)
	for name, x := range map[string][]float64{"gamma": l.gamma, "beta": l.beta, "mean": l.mean, "deviation": l.variance} {
		b.Tensor(name, x, 4)
	}
	b.Node("centred", "Sub", at, "mean")
	b.Node("divided", "Div", "centred", "deviation")
	b.Node("scaled", "Mul", "divided", "gamma")
	b.Node("shifted", "Add", "scaled", "beta")
	b.Node("y", "Relu", "shifted")
	other := b.Open(t)
	for _, pair := range [][2]*onnx.Model{
		{other, f.computedModel(t, newScaledLayer(true))}, {f.computedModel(t, l), other},
	} {
		if _, err := planPair(t.Context(), pair[0], pair[1], Options{FoldNorms: true}); err == nil {
			t.Error("models with other forms of a normalisation are merged")
		}
	}
}
