package onnxmerge

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
)

// headPlan plans a merge of two exports of the pairing corpus, which must have no refusals.
func headPlan(t *testing.T, architecture, a, b string, opt Options) *Plan {
	t.Helper()
	plan, err := planPair(t.Context(), corpusModel(t, architecture, a), corpusModel(t, architecture, b), opt)
	if err != nil {
		t.Fatalf("%s: %s and %s: %v", architecture, a, b, err)
	}
	return plan
}

// Weights behind the backbone that differ are copied and reported as the head: another number of classes, a projection
// in place of the classifier, an additional normalisation.
func TestHeadsAreKept(t *testing.T) {
	t.Parallel()
	projection := []string{"head.0.weight", "head.0.bias", "head.2.weight", "head.2.bias"}
	for _, c := range []struct {
		architecture, head string
		want               []string
		features           string
	}{
		{"mlp", "classes7", []string{"head.weight", "head.bias"}, "/Mul_7_output_0"},
		{"resnet", "classes7", []string{"head.weight", "head.bias"}, "/Flatten_output_0"},
		{"pointnet", "classes7", []string{"head.weight", "head.bias"}, "/Relu_2_output_0"},
		{"vit", "classes7", []string{"head.weight", "head.bias"}, "/Gather_output_0"},
		{"mlp", "projection", projection, "/Mul_7_output_0"},
		{"resnet", "projection", projection, "/Flatten_output_0"},
		{"mlp", "norm", []string{"head.weight", "head.bias", "head.norm.weight", "head.norm.bias"},
			"/head/norm/Div_output_0"},
		{"resnet", "norm", []string{"head.weight", "head.bias", "head.norm.weight", "head.norm.bias",
			"head.norm.running_mean", "head.norm.running_var"}, "/Flatten_output_0"},
	} {
		plan := headPlan(t, c.architecture, "a_keep", "b_"+c.head+"_keep", Options{})
		if !slices.Equal(plan.Backbone.Head, c.want) || plan.Backbone.Output != c.features {
			t.Errorf("%s, %s: head %q behind %q, want %q behind %q", c.architecture, c.head, plan.Backbone.Head,
				plan.Backbone.Output, c.want, c.features)
		}
		for _, d := range plan.Decisions {
			if isHead := slices.Contains(c.want, d.Tensor); isHead && d.Action != Copy || !isHead && d.Action == Refuse {
				t.Errorf("%s, %s: %s %s: %s", c.architecture, c.head, d.Action, d.Tensor, d.Reason)
			}
		}
	}
}

// A layer of another width inside of the backbone is refused, not taken for the head.
func TestOtherShapesInsideAreRefused(t *testing.T) {
	t.Parallel()
	a, b := corpusModel(t, "resnet", "a_keep"), corpusModel(t, "resnet", "b_keep")
	const name = "layer2.0.conv1.weight"
	dims := a.Lookup(name).Dims
	dims[0], dims[1] = dims[1], dims[0]
	plan, err := planPair(t.Context(), a, b, Options{})
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), `tensor "`+name+`": same name, but shape`) ||
		!strings.Contains(err.Error(), "keep the fine-tuned one with --exclude") {
		t.Errorf("error %v", err)
	}
	if slices.Contains(plan.Backbone.Head, name) {
		t.Errorf("it counts as the head: %q", plan.Backbone.Head)
	}
}

// If nothing is merged, there is no backbone and therefore no head.
func TestNothingInCommonIsNoHead(t *testing.T) {
	t.Parallel()
	a, b := openPath(t, local("pretrained.onnx")), openPath(t, local("finetuned.onnx"))
	for _, name := range []string{"fc1.weight", "fc2.weight"} {
		slices.Reverse(a.Lookup(name).Dims)
	}
	plan, err := planPair(t.Context(), a, b, Options{})
	if err == nil || !strings.Contains(err.Error(), `tensor "fc1.weight": same name, but shape`) ||
		len(plan.Backbone.Head) != 0 {
		t.Errorf("head %q, error %v", plan.Backbone.Head, err)
	}
}

// Options.BackboneOutput sets the end of the backbone: no weight behind it is merged.
func TestBackboneOutput(t *testing.T) {
	t.Parallel()
	whole := headPlan(t, "mlp", "a_keep", "b_keep", Options{})
	all, _ := whole.Count(Merge)
	plan := headPlan(t, "mlp", "a_keep", "b_keep", Options{BackboneOutput: "/Mul_7_output_0"})
	if n, _ := plan.Count(Merge); n != all-2 || plan.Backbone.Output != "/Mul_7_output_0" ||
		!slices.Equal(plan.Backbone.Head, []string{"head.weight", "head.bias"}) {
		t.Errorf("%d of %d tensors are merged, head %q behind %q", n, all, plan.Backbone.Head, plan.Backbone.Output)
	}
	for _, d := range plan.Decisions {
		if strings.HasPrefix(d.Tensor, "head.") && (d.Action != Copy || !strings.Contains(d.Reason, "behind")) {
			t.Errorf("%s %s: %s", d.Action, d.Tensor, d.Reason)
		}
	}
	for _, name := range []string{"nothing", "head.weight"} {
		_, err := planPair(t.Context(), corpusModel(t, "mlp", "a_keep"), corpusModel(t, "mlp", "b_keep"),
			Options{BackboneOutput: name})
		var unknown *surgery.UnknownTensorError
		if !errors.As(err, &unknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
