package onnxmerge

import (
	"encoding/json"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The JSON of a decision about a tensor that is not merged is what merge --plan prints.
func TestDecisionJSON(t *testing.T) {
	t.Parallel()
	d := Decision{Tensor: "bias", Action: Copy, Reason: "no floating-point tensor", DType: onnx.Int64, Dims: []int64{2}}
	got, err := json.Marshal(d)
	want := `{"tensor":"bias","action":"copy","reason":"no floating-point tensor","dtype":"int64","shape":[2]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}
