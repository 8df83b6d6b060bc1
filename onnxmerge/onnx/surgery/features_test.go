package surgery

import (
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// classifier returns a network of 4 hidden values and 3 outputs; with softmax they are probabilities.
func classifier(t *testing.T, output string, softmax bool) *onnx.Model {
	var b onnxtest.Builder
	b.Input("x", 1, 2)
	b.Tensor("w1", onnxtest.Random(1, 8), 2, 4)
	b.Tensor("w2", onnxtest.Random(2, 12), 4, 3)
	b.Tensor("b2", onnxtest.Random(3, 3), 3)
	b.Node("hidden", "MatMul", "x", "w1")
	b.Node("relu", "Relu", "hidden")
	linear := output
	if softmax {
		linear = "z"
	}
	b.Node("product", "MatMul", "relu", "w2")
	b.Node(linear, "Add", "product", "b2")
	if softmax {
		b.Node(output, "Softmax", linear)
	}
	b.Output(output)
	return b.Open(t)
}

// Class scores are no features: a probability, an output of that name, or one as wide as the data has classes. Where
// nothing says so, the output is taken, and Unsure names what it is computed from.
func TestFeaturesOfTheOnlyOutput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		output       string
		softmax      bool
		classes      int
		want, unsure string
	}{
		{"logits", false, 0, "relu", ""},
		{"class_scores", false, 7, "relu", ""},
		{"out", true, 0, "relu", ""},
		{"out", false, 3, "relu", ""},
		{"out", false, 0, "out", "relu"},
		{"out", false, 10, "out", "relu"},
		{"features", false, 3, "features", ""},
	} {
		m := classifier(t, c.output, c.softmax)
		got, err := Features(m, "", c.classes)
		if err != nil || got != c.want {
			t.Errorf("%+v: got %q (%v)", c, got, err)
		}
		if got := Unsure(m, c.classes); got != c.unsure {
			t.Errorf("%+v: unsure about %q", c, got)
		}
	}
}

// Features and scores of one pass, where the scores are those of a linear layer behind the features.
func TestCutBoth(t *testing.T) {
	t.Parallel()
	m := classifier(t, "logits", true)
	change, classes, err := CutBoth(m, "relu")
	if err != nil || classes != 3 || change.IsZero() {
		t.Errorf("%d classes (%v)", classes, err)
	}
	if _, classes, err := CutBoth(m, "logits"); err != nil || classes != 0 {
		t.Errorf("the scores as features: %d classes (%v)", classes, err)
	}
	if _, classes, err := CutBoth(m, "none"); err != nil || classes != 0 {
		t.Errorf("features that do not exist: %d classes (%v)", classes, err)
	}
}
