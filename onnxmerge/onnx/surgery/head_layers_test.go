package surgery

import (
	"errors"
	"math"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// headed returns a model whose head has a BatchNormalization, a ReLU, a Dropout and an operator between its two layers.
func headed(between string) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	b.Input("x", 1, 2)
	b.Node("features", "Tanh", "x")
	b.Tensor("w1", []float64{1, 2, 3, 4, 5, 6}, 3, 2)
	b.Tensor("b1", []float64{1, 1, 1}, 3)
	b.Call([]string{"h1"}, "", "Gemm", []string{"features", "w1", "b1"}, onnxtest.Attr{Name: "transB", Value: int64(1)})
	for i, name := range []string{"scale", "shift", "mean", "variance"} {
		v := float64(i + 2)
		b.Tensor(name, []float64{v, v + 1, v + 2}, 3)
	}
	b.Node("h2", "BatchNormalization", "h1", "scale", "shift", "mean", "variance")
	b.Node("h3", "Relu", "h2")
	b.Node("h4", between, "h3")
	b.Tensor("w2", []float64{1, 0, 0, 1, 1, 1}, 3, 2)
	b.Tensor("b2", []float64{0, 7}, 2)
	b.Node("h5", "MatMul", "h4", "w2")
	b.Node("logits", "Add", "h5", "b2")
	b.Output("logits")
	return b
}

// A head is read with its normalisation folded in: it computes what the operators compute.
func TestReadHead(t *testing.T) {
	t.Parallel()
	layers, err := ReadHead(headed("Dropout").Open(t), "features")
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 2 || layers[0].Activation != "relu" || layers[1].Activation != "" {
		t.Fatalf("%+v", layers)
	}
	for i := range 3 {
		factor := float64(i+2) / math.Sqrt(float64(i+5)+1e-5)
		if want := (1-float64(i+4))*factor + float64(i+3); math.Abs(layers[0].Bias[i]-want) > 1e-6 {
			t.Errorf("intercept %d: %g, want %g", i, layers[0].Bias[i], want)
		}
		if got, want := float64(layers[0].Weight[2*i+1]), float64(2*i+2)*factor; math.Abs(got-want) > 1e-5 {
			t.Errorf("weight %d: %g, want %g", 2*i+1, got, want)
		}
	}
	if got := layers[1].Weight; got[0] != 1 || got[1] != 0 || got[2] != 1 || got[4] != 1 || layers[1].Bias[1] != 7 {
		t.Errorf("second layer %+v", layers[1])
	}
	var mismatch onnx.MismatchError
	if _, err := ReadHead(headed("Erf").Open(t), "features"); !errors.As(err, &mismatch) {
		t.Errorf("another operator: %v", err)
	}
	if _, err := ReadHead(headed("Dropout").Open(t), "logits"); !errors.As(err, &mismatch) {
		t.Errorf("no head: %v", err)
	}
}
