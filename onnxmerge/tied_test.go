package onnxmerge

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// One tensor of the fine-tuned model that has two counterparts in the pre-trained model is merged if these are equal,
// and refused otherwise.
func TestTiedWeightsAreMergedIfTheyAreOne(t *testing.T) {
	t.Parallel()
	untied := corpusModel(t, "bert", "a_fold")
	tied := corpusModel(t, "bert", "b_dynamo") // the decoder's weight is the embedding
	plan, err := planPair(t.Context(), untied, tied, Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, d := range plan.Decisions {
		if d.Tensor == "decoder.weight" {
			found = d.Action == Merge
		}
	}
	if !found {
		t.Error("the tied weight is not merged with the embedding")
	}
	var other *onnx.Tensor // the decoder's copy, transposed
	for o := range flow.Operands(untied) {
		if o.Node.OpType == "MatMul" && o.Tensor.Len() == untied.Lookup("word.weight").Len() {
			other = o.Tensor
		}
	}
	for name, p := range map[string][]byte{
		"one element": slices.Concat(floats32(0), payload(t, other)[4:]), "all": noise(other, 1),
	} {
		_, err = planPair(t.Context(), withPayloads(t, untied, map[string][]byte{other.ID(): p}), tied, Options{})
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "whose values differ") {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}
