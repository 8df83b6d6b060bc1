package mapping

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// freshRefused are the tensors that are refused in the exports of testdata/fresh, where nothing decides between equal
// ones, and the number of tensors that are added for the uses of shared ones.
var freshRefused = map[string]struct {
	refused []string
	added   int
}{
	"cross_attention_dyn":      {nil, 0},
	"cross_attention_ts17keep": {nil, 13},
	"gated_ts17keep":           {nil, 2},
	"gated_ts17keep-hash":      {[]string{"31c53409a8", "a5310dc158", "c4ab7caa8c", "f4bb5c3aec"}, 0},
	"mlp_ts17-fp16":            {nil, 0},
	"vit_dynopt":               {[]string{"expand"}, 0}, // the class token, zero before training, repeated
	"vit_ts17-slim":            {[]string{"/Expand_output_0", "blocks.0.norm1.weight", "blocks.0.norm1.bias"}, 0},
	"vit_ts17keep":             {nil, 10},
}

// TestFresh gives exports of networks before training, in which exporters share equal tensors, the weights of tuned
// ones, in which they differ: every operator must read what it reads in an export of the tuned network.
func TestFresh(t *testing.T) {
	t.Parallel()
	exports, _ := filepath.Glob("testdata/fresh/*_a.onnx.gz")
	if len(exports) != len(freshRefused) {
		t.Fatalf("%d exports, want %d", len(exports), len(freshRefused))
	}
	for _, export := range exports {
		name := strings.TrimSuffix(filepath.Base(export), "_a.onnx.gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := name[strings.LastIndexByte(name, '_'):]
			states := strings.TrimSuffix(export, way+"_a.onnx.gz")
			base, tuned := openCheckpoint(t, states+"_a.safetensors"), openCheckpoint(t, states+"_b.safetensors")
			b, out, added := applyTo(t, openModel(t, export), base, tuned)
			want := freshRefused[name]
			var refused []string
			for _, r := range b.Refused {
				refused = append(refused, r.Tensor.ID())
			}
			if !slices.Equal(refused, want.refused) || added != want.added {
				t.Errorf("refused %q, %d tensors added; want %q and %d", refused, added, want.refused, want.added)
			}
			if len(refused) == 0 {
				compareOperands(t, out, openModel(t, strings.Replace(export, "_a.onnx", "_b.onnx", 1)))
			}
		})
	}
}

// applyTo writes a model with the weights of the tuned checkpoint, and returns how many tensors were added.
func applyTo(t *testing.T, m *onnx.Model, base, tuned *checkpoint.Checkpoint) (*Bound, *onnx.Model, int) {
	t.Helper()
	found, err := Find(context.Background(), m, base, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := found.Bind(context.Background(), base, tuned)
	if err != nil {
		t.Fatal(err)
	}
	list, change, err := b.Weights()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := m.WriteChanged(context.Background(), &out, change, list...); err != nil {
		t.Fatal(err)
	}
	made := openBytes(t, out.Bytes())
	return b, made, len(made.Tensors) - len(m.Tensors)
}

// compareOperands compares the stored operands of all operators but Identity, in their order.
func compareOperands(t *testing.T, got, want *onnx.Model) {
	t.Helper()
	a, b := storedOperands(got), storedOperands(want)
	if len(a) != len(b) || len(a) < 5 {
		t.Fatalf("%d operands, want %d", len(a), len(b))
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.op != y.op || x.slot != y.slot {
			t.Fatalf("operand %d is of %s, want %s", i, x.op, y.op)
		}
		if same, err := x.tensor.Equal(y.tensor); err != nil || !same {
			t.Errorf("operand %d of %s is %q, which differs from %q (%v)", x.slot, x.op, x.tensor.ID(), y.tensor.ID(), err)
		}
	}
}

type storedOperand struct {
	op     string
	slot   int
	tensor *onnx.Tensor
}

func storedOperands(m *onnx.Model) []storedOperand {
	var list []storedOperand
	u := &graphUses{model: m}
	for _, n := range m.Graph.Nodes {
		if n.OpType == "Identity" {
			continue
		}
		for slot, name := range n.Inputs {
			if x := u.behindIdentity(m.Graph, name); x != nil && x.DType.IsFloat() {
				list = append(list, storedOperand{n.OpType, slot, x})
			}
		}
	}
	return list
}
