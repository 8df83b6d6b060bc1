package onnxmerge

import (
	"bytes"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
)

// A merge written with the change of surgery.Cut equals, byte for byte, the whole merge after surgery.Expose, for every
// value of the graph. The change is computed once, from the fine-tuned model.
func TestMergeWithCutEqualsCutOfMerge(t *testing.T) {
	t.Parallel()
	list := append(pairs(t, false), [][2]string{
		{local("branches.onnx"), local("branches.onnx")},
		{local("batchnorm.onnx"), local("batchnorm.onnx")},
	}...)
	for _, pair := range list {
		a, _ := open(t, pair[0])
		b, _ := open(t, pair[1])
		for _, n := range b.Graph.Nodes {
			for _, tensor := range n.Outputs {
				checkCut(t, a, b, tensor, Options{Params: method.Params{"alpha": 0.3}})
				checkCut(t, a, b, tensor, Options{Method: "slerp"})
				checkCut(t, a, b, tensor, Options{Method: "ties", Params: method.Params{"lambda": 0.7}})
			}
		}
	}
}

func TestMergeWithCutEqualsCutOfMergeOfRealModels(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs(t, true) {
		a, _ := open(t, pair[0])
		b, _ := open(t, pair[1])
		opt := Options{Params: method.Params{"alpha": 0.3}, Workers: 2}
		plan, err := NewPlan(t.Context(), []*onnx.Model{a, b}, opt)
		if err != nil {
			t.Fatal(err)
		}
		tensor, err := surgery.Features(b, plan.Backbone.Output, 0)
		if err != nil {
			t.Fatal(err)
		}
		checkCut(t, a, b, tensor, opt)
		middle := b.Graph.Nodes[len(b.Graph.Nodes)/2].Outputs[0]
		checkCut(t, a, b, middle, opt)
	}
}

// checkCut merges both ways and compares the bytes.
func checkCut(t *testing.T, a, b *onnx.Model, tensor string, opt Options) {
	t.Helper()
	plan, err := NewPlan(t.Context(), []*onnx.Model{a, b}, opt)
	if err != nil {
		t.Fatal(err)
	}
	var whole, want, got bytes.Buffer
	if _, err := Run(t.Context(), &whole, plan, nil); err != nil {
		t.Fatal(err)
	}
	merged := openBytes(t, whole.Bytes())
	if err := surgery.Expose(t.Context(), &want, merged, tensor); err != nil {
		t.Fatal(err)
	}
	cut, err := surgery.Cut(b, tensor)
	if err != nil {
		t.Fatal(err)
	}
	write := WriteOptions{WriteOptions: onnx.WriteOptions{Layout: onnx.Inside, Change: cut}}
	if _, err := Write(t.Context(), onnx.Single(&got), plan, write, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%s: %d bytes differ from the %d bytes of the whole merge, cut", tensor, got.Len(), want.Len())
	}
	got.Reset()
	if err := b.WriteCopyChanged(t.Context(), &got, whole.Bytes(), cut); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%s: a changed copy of %d bytes differs from the %d bytes of the whole merge, cut", tensor, got.Len(),
			want.Len())
	}
	if m := openBytes(t, got.Bytes()); len(m.Graph.Outputs) != 1 || m.Graph.Outputs[0].Name != tensor {
		t.Errorf("outputs %v, want %s alone", m.Graph.Outputs, tensor)
	}
}
