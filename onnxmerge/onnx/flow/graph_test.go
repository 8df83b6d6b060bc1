package flow_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

func TestGraphFollowsTheOperators(t *testing.T) {
	t.Parallel()
	m, _ := onnxtest.Open(t, "../testdata/finetuned.onnx")
	w, err := flow.New(m)
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
	needs := w.Upstream("features")
	if needs["head.weight"] || needs["logits"] || !needs["fc1.weight"] || !needs["points"] {
		t.Errorf("features needs %v", needs)
	}
	if after := w.Downstream("hidden"); !after["features"] || !after["logits"] || after["points"] || after["fc1.weight"] {
		t.Errorf("downstream of hidden are %v", after)
	}
	uses := w.Consumers("features")
	if len(uses) != 1 || m.Graph.Nodes[uses[0].Node].OpType != "Gemm" || uses[0].Slot != 0 {
		t.Errorf("features is used by %v", uses)
	}
}

func TestGraphHasWhatBranchesCapture(t *testing.T) {
	t.Parallel()
	m, _ := onnxtest.Open(t, "../testdata/branches.onnx")
	w, err := flow.New(m)
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

func TestGraphOfRealModels(t *testing.T) {
	t.Parallel()
	for _, path := range sharedtest.Models(t) {
		m, _ := onnxtest.Open(t, path)
		w, err := flow.New(m)
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

// FuzzNew: any graph that opens gives a data flow or an error, and no operator of it makes the functions panic.
func FuzzNew(f *testing.F) {
	paths, err := filepath.Glob("../testdata/*.onnx")
	if err != nil || len(paths) < 8 {
		f.Fatalf("found %d models (%v)", len(paths), err)
	}
	for _, path := range paths {
		_, data := onnxtest.Open(f, path)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		if g, err := flow.New(m); err == nil {
			for _, o := range m.Graph.Outputs {
				g.Upstream(o.Name)
			}
		}
		flow.Quantized(m)
		flow.Variances(m)
		flow.Places(m)
	})
}
