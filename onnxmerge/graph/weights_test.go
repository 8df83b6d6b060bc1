package graph

import (
	"bytes"
	"slices"
	"testing"
)

func TestWeightsFollowsTheOperators(t *testing.T) {
	t.Parallel()
	m, _ := openFile(t, "testdata/finetuned.onnx")
	w, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	features, ok := w.Value("features")
	if !ok {
		t.Fatal("no value features")
	}
	bias, ok := w.Value("fc2.bias")
	if !ok || !w.HasEdgeFromTo(features.ID(), bias.ID()) {
		t.Fatal("no edge features -> fc2.bias")
	}
	if slot := w.WeightedEdge(features.ID(), bias.ID()).Weight(); slot != 2 {
		t.Errorf("fc2.bias is in slot %g, want 2", slot)
	}
	needs := w.Needs("features")
	if needs["head.weight"] || needs["logits"] || !needs["fc1.weight"] || !needs["points"] {
		t.Errorf("features needs %v", needs)
	}
	uses := w.Consumers("features")
	if len(uses) != 1 || m.Graph.Nodes[uses[0].Node].OpType != "Gemm" || uses[0].Slot != 0 {
		t.Errorf("features is used by %v", uses)
	}
}

func TestWeightsSeesWhatBranchesCapture(t *testing.T) {
	t.Parallel()
	m, _ := openFile(t, "testdata/branches.onnx")
	w, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	z, okZ := w.Value("z")
	x, okX := w.Value("x")
	if !okZ || !okX || !w.HasEdgeFromTo(z.ID(), x.ID()) {
		t.Error("the If does not depend on the x that its branches capture")
	}
	if _, ok := w.Value(""); ok {
		t.Error("a missing optional input became a value named \"\"")
	}
}

func TestWeightsOfRealModels(t *testing.T) {
	t.Parallel()
	for _, path := range shared(t) {
		m, _ := openFile(t, path)
		w, err := m.Weights()
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, n := range m.Graph.Nodes {
			for _, out := range n.Outputs {
				if _, ok := w.Value(out); !ok && out != "" {
					t.Errorf("%s: value %q is missing", path, out)
				}
			}
		}
	}
}

func TestExpose(t *testing.T) {
	t.Parallel()
	m, data := openFile(t, "testdata/finetuned.onnx")
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range []string{"hidden", "pooled", "features"} {
		var out bytes.Buffer
		if err := m.Expose(t.Context(), &out, tensor); err != nil {
			t.Fatal(err)
		}
		got, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatalf("%s: %v", tensor, err)
		}
		if len(got.Graph.Outputs) != 1 || got.Graph.Outputs[0].Name != tensor {
			t.Errorf("outputs %v, want %s alone", got.Graph.Outputs, tensor)
		}
		needs := weights.Needs(tensor)
		for _, w := range m.Tensors {
			if kept := got.Lookup(w.ID()) != nil; kept != needs[w.Name] {
				t.Errorf("%s: weight %s is kept: %t, but needed: %t", tensor, w.Name, kept, needs[w.Name])
			}
		}
		for _, n := range m.Graph.Nodes {
			if kept := got.Graph.producer(n.Outputs[0]) != nil; kept != needs[n.Outputs[0]] {
				t.Errorf("%s: operator of %s is kept: %t, but needed: %t", tensor, n.Outputs[0], kept, needs[n.Outputs[0]])
			}
		}
	}
	if slices.Contains(data, 0) && m.SizeBytes() != int64(len(data)) {
		t.Error("the model's size is wrong")
	}
	for _, tensor := range []string{"nothing", "points", "fc1.weight", ""} {
		if err := m.Expose(t.Context(), &bytes.Buffer{}, tensor); err == nil {
			t.Errorf("exposing %q is no error", tensor)
		}
	}
}

func TestAttachPrunesTheOldHead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"testdata/finetuned.onnx", "testdata/finetuned_constants.onnx"} {
		m, _ := openFile(t, name)
		head := Head{Tensor: "features", Layers: []HeadLayer{{Weight: make([]float32, 2*4), Bias: make([]float32, 2)}}, Classes: []string{"cat", "dog"}}
		var out bytes.Buffer
		if err := m.Attach(t.Context(), &out, head); err != nil {
			t.Fatal(err)
		}
		got, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if got.Lookup("head.weight") != nil || got.Lookup("fc1.weight") == nil || got.Lookup("scores/weight") == nil {
			t.Errorf("%s: the wrong tensors are left: %v", name, got.Tensors)
		}
		if o := got.Graph.Outputs; len(o) != 1 || o[0].Name != "scores" || o[0].Shape[1].Len != 2 {
			t.Errorf("%s: outputs %v", name, o)
		}
		want := []Entry{{HeadKey, "features"}, {ClassesKey, `["cat","dog"]`}}
		if !slices.Equal(got.Metadata, want) {
			t.Errorf("%s: metadata %v, want %v", name, got.Metadata, want)
		}
		var again bytes.Buffer
		if err := got.Attach(t.Context(), &again, head); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Errorf("%s: attaching the same head again changes the file", name)
		}
	}
}
