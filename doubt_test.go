package wiseft_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// doubt is a network of three layers of 12 units.
type doubt struct {
	seed    uint64 // 0 is the pre-trained model
	factor  float64
	divided bool // by a number of the same size, which is computed from a shape
	gate    float64
}

const doubtUnits = 12

// write writes the network into a folder. The second layer's weight is multiplied by the factor, and
// its operand by the gate.
func (d doubt) write(t *testing.T, dir, name string) string {
	t.Helper()
	b := &onnxtest.Builder{}
	b.Input("x", 4, doubtUnits)
	value := "x"
	for i, layer := range []string{"first", "second", "third"} {
		w := onnxtest.Random(uint64(10+i), doubtUnits*doubtUnits)
		if d.seed > 0 {
			w = onnxtest.Near(w, d.seed+uint64(i))
		}
		if layer == "second" {
			for k := range w {
				w[k] *= d.factor
			}
		}
		if layer == "second" {
			b.Tensor("gate", slices.Repeat([]float64{d.gate}, doubtUnits), doubtUnits)
			b.Node("gated", "Mul", value, "gate")
			value = "gated"
		}
		b.Tensor(layer+".weight", w, doubtUnits, doubtUnits)
		b.Node(layer, "MatMul", value, layer+".weight")
		if value = layer; layer == "second" && d.divided {
			b.Node("shape", "Shape", value)
			b.Node("largest", "ReduceMax", "shape")
			b.Call([]string{"width"}, "", "Cast", []string{"largest"}, onnxtest.Attr{Name: "to", Value: int64(1)})
			b.Node("divided", "Div", value, "width")
			value = "divided"
		}
	}
	b.Node("sum", "Add", value, "x")
	value = "sum"
	b.Node("y", "Tanh", value)
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A weight that is twelve times its counterpart is refused. Running both models merges it where the graphs are equal,
// and not where one of them divides by twelve, or where a gate of 0 hides it.
func TestRunningDecidesPairsInDoubt(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	pretrained := doubt{factor: 1, gate: 1}.write(t, dir, "a.onnx")
	for _, test := range []struct {
		name       string
		pretrained string
		finetuned  doubt
		refused    string // the reason with a proof; "" if it merges
	}{
		{name: "a longer weight", finetuned: doubt{seed: 30, factor: 12, gate: 1}},
		{name: "a scale that the graph undoes", finetuned: doubt{seed: 30, factor: 12, divided: true, gate: 1},
			refused: "although every weight before it is merged"},
		{name: "a weight behind a gate of 0", pretrained: doubt{factor: 1}.write(t, dir, "gated.onnx"),
			finetuned: doubt{seed: 30, factor: 12, gate: 1}, refused: `no value changes with "second.weight"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			models := []string{pretrained, test.finetuned.write(t, dir, "b.onnx")}
			if test.pretrained != "" {
				models[0] = test.pretrained
			}
			out := filepath.Join(dir, "out.onnx")
			_, err := wiseft.Merge(t.Context(), out, models, wiseft.MergeOptions{}, wiseft.WriteOptions{})
			if wiseft.KindOf(err) != wiseft.Mismatch || !strings.Contains(err.Error(), "a factor may be folded") {
				t.Fatalf("without a proof: %v", err)
			}
			r, err := wiseft.Merge(t.Context(), out, models,
				wiseft.MergeOptions{Prove: &wiseft.ProveOptions{}}, wiseft.WriteOptions{})
			if test.refused != "" {
				if wiseft.KindOf(err) != wiseft.Mismatch || !strings.Contains(err.Error(), test.refused) {
					t.Fatalf("error %v, want one with %q", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(r.Warnings, "\n"), "proved by running: second.weight with second.weight") {
				t.Errorf("warnings %q", r.Warnings)
			}
			if _, err := wiseft.Verify(t.Context(), out, wiseft.VerifyOptions{
				Pretrained: models[0], Finetuned: models[1], All: true}); err != nil {
				t.Errorf("the merge does not agree with its provenance: %v", err)
			}
		})
	}
}
