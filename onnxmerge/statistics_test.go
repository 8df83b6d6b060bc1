package onnxmerge

import (
	"bytes"
	"math"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// normed is a chain of two linear layers, each with a BatchNormalization of the given running variances, and a branch
// beside the second.
func normed(seed uint64, variances ...[]float64) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	n := len(variances[0])
	value := "x"
	for i, v := range variances {
		name := string(rune('a' + i))
		w := onnxtest.Random(uint64(10+i), n*n)
		if seed > 0 {
			w = onnxtest.Near(w, seed+uint64(i))
		}
		b.Tensor(name+".weight", w, n, n)
		b.Node(name+".linear", "MatMul", value, name+".weight")
		vector := func(part string, values []float64) {
			b.Tensor(name+"."+part, values, n)
		}
		vector("scale", onnxtest.Random(uint64(20+i), n))
		vector("shift", onnxtest.Random(uint64(30+i), n))
		vector("mean", onnxtest.Random(uint64(40+i), n))
		vector("variance", v)
		b.Node(name+".norm", "BatchNormalization", name+".linear", name+".scale", name+".shift", name+".mean",
			name+".variance")
		value = name + ".norm"
	}
	b.Node("y", "Relu", value)
	return b
}

// Deviations are mixed with the method's coefficients; elements that the models share stay bit for bit, and so do the
// ends. Everything else is mixed as before.
func TestDeviationsAreMixed(t *testing.T) {
	t.Parallel()
	a := normed(0, []float64{1, 4, 0.1, 0}).Open(t)
	b := normed(50, []float64{4, 9, 0.1, 1}).Open(t)
	for _, test := range []struct {
		method string
		params method.Params
		want   []float64
	}{
		{"linear", method.Params{"alpha": 0.25}, []float64{1.5625, 5.0625, 0.1, 0.0625}},
		{"linear", method.Params{"alpha": 0.}, []float64{1, 4, 0.1, 0}},
		{"linear", method.Params{"alpha": 1.}, []float64{4, 9, 0.1, 1}},
		{"uniform_soup", nil, []float64{2.25, 6.25, 0.1, 0.25}},
		{"task_arithmetic", method.Params{"lambda": 2.}, []float64{9, 16, 0.1, 4}},
		{"task_arithmetic", method.Params{"lambda": -2.}, []float64{0, 0, 0.1, 0}}, // negative deviations
	} {
		plan, err := NewPlan(t.Context(), []*onnx.Model{a, b},
			Options{Method: test.method, Params: test.params, Statistics: Deviations, Extrapolate: true})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := Run(t.Context(), &out, plan, nil); err != nil {
			t.Fatal(err)
		}
		merged, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		got := numbers(t, merged.Lookup("a.variance"))
		for i, want := range test.want {
			if float32(got[i]) != float32(want) {
				t.Errorf("%s %v: variances %v, want %v", test.method, test.params, got, test.want)
				break
			}
		}
	}
}

// Methods without coefficients are refused, and so are other names.
func TestStatisticsThatAreRefused(t *testing.T) {
	t.Parallel()
	models := []*onnx.Model{normed(0, []float64{1, 2}).Open(t), normed(50, []float64{1, 2}).Open(t)}
	for _, opt := range []Options{{Method: "slerp", Statistics: Deviations}, {Statistics: "median"}} {
		if _, err := NewPlan(t.Context(), models, opt); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s, %s: error %v", opt.Method, opt.Statistics, err)
		}
	}
}

// The factor is the product of the medians along the chain.
func TestShrink(t *testing.T) {
	t.Parallel()
	models := []*onnx.Model{normed(0, []float64{1, 1, 1}, []float64{1, 1, 5}).Open(t),
		normed(50, []float64{9, 9, 1}, []float64{4, 4, 5}).Open(t)}
	plan, err := NewPlan(t.Context(), models, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := math.Sqrt(5) / 2 * math.Sqrt(2.5) / 1.5
	if plan.Norms.Norms != 2 || math.Abs(plan.Norms.Factor-want) > 1e-9 {
		t.Errorf("%+v, want 2 and %g", plan.Norms, want)
	}
	if plan, err = NewPlan(t.Context(), models, Options{Statistics: Deviations}); err != nil || plan.Norms.Norms != 0 {
		t.Errorf("with deviations: %+v, error %v", plan.Norms, err)
	}
}
