package surgery

import (
	"bytes"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

func TestExpose(t *testing.T) {
	t.Parallel()
	m, data := onnxtest.Open(t, "../testdata/finetuned.onnx")
	weights, err := flow.New(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range []string{"hidden", "pooled", "features"} {
		var out bytes.Buffer
		if err := Expose(t.Context(), &out, m, tensor); err != nil {
			t.Fatal(err)
		}
		got, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatalf("%s: %v", tensor, err)
		}
		if len(got.Graph.Outputs) != 1 || got.Graph.Outputs[0].Name != tensor {
			t.Errorf("outputs %v, want %s alone", got.Graph.Outputs, tensor)
		}
		needs := weights.Upstream(tensor)
		for _, w := range m.Tensors {
			if kept := got.Lookup(w.ID()) != nil; kept != needs[w.Name] {
				t.Errorf("%s: weight %s is kept: %t, but needed: %t", tensor, w.Name, kept, needs[w.Name])
			}
		}
		for _, n := range m.Graph.Nodes {
			if kept := got.Graph.Producer(n.Outputs[0]) != nil; kept != needs[n.Outputs[0]] {
				t.Errorf("%s: operator of %s is kept: %t, but needed: %t", tensor, n.Outputs[0], kept, needs[n.Outputs[0]])
			}
		}
	}
	if slices.Contains(data, 0) && m.SizeBytes() != int64(len(data)) {
		t.Error("the model's size is wrong")
	}
	for _, tensor := range []string{"nothing", "points", "fc1.weight", ""} {
		if err := Expose(t.Context(), &bytes.Buffer{}, m, tensor); err == nil {
			t.Errorf("exposing %q is no error", tensor)
		}
	}
}

// A model that ends at the tensor already is not changed by a byte.
func TestCutAtTheOnlyOutput(t *testing.T) {
	t.Parallel()
	m, _ := onnxtest.Open(t, "../testdata/finetuned.onnx")
	var once, twice bytes.Buffer
	if err := Expose(t.Context(), &once, m, "hidden"); err != nil {
		t.Fatal(err)
	}
	cut, err := onnx.Open(bytes.NewReader(once.Bytes()), int64(once.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if err := Expose(t.Context(), &twice, cut, "hidden"); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
		t.Errorf("%d bytes became %d (%v)", once.Len(), twice.Len(), err)
	}
}

func TestAttachPrunesTheOldHead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../testdata/finetuned.onnx", "../testdata/finetuned_constants.onnx"} {
		m, _ := onnxtest.Open(t, name)
		head := Head{Tensor: "features", Layers: []HeadLayer{{Weight: make([]float32, 2*4), Bias: make([]float64, 2)}},
			Classes: []string{"cat", "dog"}}
		var out bytes.Buffer
		if err := Attach(t.Context(), &out, m, head); err != nil {
			t.Fatal(err)
		}
		got, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if got.Lookup("head.weight") != nil || got.Lookup("fc1.weight") == nil || got.Lookup("scores/weight") == nil {
			t.Errorf("%s: the wrong tensors are left: %v", name, got.Tensors)
		}
		if o := got.Graph.Outputs; len(o) != 1 || o[0].Name != "scores" || o[0].Shape[1].Len != 2 {
			t.Errorf("%s: outputs %v", name, o)
		}
		want := []onnx.Entry{{Key: HeadKey, Value: "features"}, {Key: ClassesKey, Value: `["cat","dog"]`}}
		if !slices.Equal(got.Metadata, want) {
			t.Errorf("%s: metadata %v, want %v", name, got.Metadata, want)
		}
		var again bytes.Buffer
		if err := Attach(t.Context(), &again, got, head); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Errorf("%s: attaching the same head again changes the file", name)
		}
	}
}
