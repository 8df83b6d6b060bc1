package surgery

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// Weights written into a model's own classifier are read back, in every store, and no other weight changes.
func TestWriteIntoClassifier(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"finetuned.onnx", "finetuned_float_data.onnx", "finetuned_constants.onnx"} {
		m, _ := onnxtest.Open(t, "../testdata/"+name)
		c, err := FindClassifier(m, "features")
		if err != nil {
			t.Fatal(err)
		}
		before, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if c.Classes != 5 || c.Dim != 4 || len(before.Weight) != 20 || len(before.Bias) != 5 {
			t.Fatalf("%s: %d classes, %d features", name, c.Classes, c.Dim)
		}
		want := HeadLayer{Bias: []float64{1, 2, 3, 4, 5}}
		for i := range 20 {
			want.Weight = append(want.Weight, float32(i))
		}
		var out bytes.Buffer
		if err := c.Write(t.Context(), &out, want, []string{"a", "b", "c", "d", "e"}); err != nil {
			t.Fatal(err)
		}
		got, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		again, err := FindClassifier(got, "features")
		if err != nil {
			t.Fatal(err)
		}
		if read, err := again.Read(); err != nil || !reflect.DeepEqual(read, want) {
			t.Errorf("%s: got %v (%v), want %v", name, read, err, want)
		}
		for i, tensor := range got.Tensors {
			same, err := tensor.Equal(m.Tensors[i])
			if changed := tensor == again.weight || tensor == again.bias; err != nil || same == changed {
				t.Errorf("%s: tensor %s: same %v (%v)", name, tensor.Name, same, err)
			}
		}
		var mismatch onnx.MismatchError
		small := HeadLayer{Weight: make([]float32, 8), Bias: make([]float64, 2)}
		if err := c.Write(t.Context(), &out, small, nil); !errors.As(err, &mismatch) {
			t.Errorf("%s: two classes: got error %v", name, err)
		}
	}
}

// The classifier of a head that subtracts the mean is read and written as one for plain features. The values are
// exact in float32 after the mean was subtracted, so that nothing rounds; biases of features far from 0 are not.
func TestClassifierAroundMean(t *testing.T) {
	t.Parallel()
	m, _ := onnxtest.Open(t, "../testdata/finetuned.onnx")
	first := HeadLayer{Weight: []float32{1, 2, 3, 4, -1, 0, 0.5, 2},
		Bias: []float64{-1000013.5 + 0x1p-5, 999991.75 + 0x1p-5}}
	second := HeadLayer{Weight: []float32{0, 1, 0, -2, 3, 3, 3, 3}, Bias: []float64{7, 8}}
	var out bytes.Buffer
	head := Head{Tensor: "features", Layers: []HeadLayer{first}, Mean: []float32{1e6, -2, 0.5, 4}}
	if err := Attach(t.Context(), &out, m, head); err != nil {
		t.Fatal(err)
	}
	for i, want := range []HeadLayer{first, second} {
		attached, err := onnx.Open(bytes.NewReader(bytes.Clone(out.Bytes())), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		c, err := FindClassifier(attached, "features")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Read(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("layer %d: got %v (%v), want %v", i, got, err, want)
		}
		out.Reset()
		if err := c.Write(t.Context(), &out, second, nil); err != nil {
			t.Fatal(err)
		}
	}
	err := Attach(t.Context(), &out, m, Head{Tensor: "features", Layers: []HeadLayer{first}, Mean: []float32{1}})
	if err == nil || err.Error() != "surgery: a head of 4 features has 1 means" {
		t.Errorf("one mean for four features: got error %v", err)
	}
}

// A layer of MatMul and Add with transposed weights equals the Gemm in the other export of the model, and weights
// written there are read back.
func TestTransposedClassifier(t *testing.T) {
	t.Parallel()
	var layers []HeadLayer
	for _, name := range []string{"finetuned.onnx", "finetuned_folded.onnx"} {
		m, _ := onnxtest.Open(t, "../testdata/"+name)
		c, err := FindClassifier(m, "pooled")
		if err != nil {
			t.Fatal(err)
		}
		layer, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
		slices.Reverse(layer.Bias)
		var out bytes.Buffer
		if err := c.Write(t.Context(), &out, layer, nil); err != nil {
			t.Fatal(err)
		}
		got, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		again, err := FindClassifier(got, "pooled")
		if err != nil {
			t.Fatal(err)
		}
		if read, err := again.Read(); err != nil || !reflect.DeepEqual(read, layer) {
			t.Errorf("%s: got %v (%v), want %v", name, read, err, layer)
		}
	}
	if !reflect.DeepEqual(layers[0], layers[1]) {
		t.Errorf("got %v, want %v", layers[1], layers[0])
	}
}

func TestFindClassifierErrors(t *testing.T) {
	t.Parallel()
	m, _ := onnxtest.Open(t, "../testdata/pretrained.onnx")
	var mismatch onnx.MismatchError
	if _, err := FindClassifier(m, "features"); !errors.As(err, &mismatch) {
		t.Errorf("no classifier: got error %v", err)
	}
}

// Heads use the form that operators have in the model's opset.
func TestHeadFollowsOpset(t *testing.T) {
	t.Parallel()
	head := Head{Tensor: "x", Output: "scores", Softmax: true, Layers: []HeadLayer{
		{Weight: []float32{1, 2}, Bias: []float64{0}, Activation: "step"},
		{Weight: []float32{1, 2}, Bias: []float64{0, 0}},
	}}
	for _, version := range []int64{5, 6, 7, 13, 21} {
		m := &onnx.Model{Opsets: []onnx.Opset{{Version: version}}, Graph: &onnx.Graph{}}
		var a onnx.Additions
		addHead(&a, m, head)
		fields := a.Bytes()
		if got, want := bytes.Contains(fields, []byte("broadcast")), version < 7; got != want {
			t.Errorf("opset %d: broadcast attribute %v, want %v", version, got, want)
		}
		if got, want := bytes.Contains(fields, []byte("FLOAT")), version < 6; got != want {
			t.Errorf("opset %d: Cast by name %v, want %v", version, got, want)
		}
	}
}
