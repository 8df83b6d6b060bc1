package onnxmerge

import (
	"errors"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// Models of scikit-learn keep their weights in attributes, which are not merged: the refusal names them.
func TestWeightsInAttributesAreNamed(t *testing.T) {
	t.Parallel()
	classifier := func(first float64) *onnx.Model {
		var b onnxtest.Builder
		b.Call([]string{"y"}, "ai.onnx.ml", "LinearClassifier", []string{"x"},
			onnxtest.Attr{Name: "coefficients", Value: []float64{first, 2, 3}})
		return b.Open(t)
	}
	plan, err := NewPlan(t.Context(), []*onnx.Model{classifier(1), classifier(5)}, Options{Method: "linear"})
	if err != nil {
		t.Fatal(err)
	}
	mismatch, ok := errors.AsType[*MismatchError](plan.Err())
	if !ok || !strings.Contains(strings.Join(mismatch.Reasons, "\n"), "ai.onnx.ml.LinearClassifier.coefficients") {
		t.Errorf("got %v", plan.Err())
	}
}
