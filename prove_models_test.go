package wiseft_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe/ort/orttest"
	"google.golang.org/protobuf/encoding/protowire"
)

// textModel builds a small model of three inputs: ids that index a table, a mask, and numbers.
type textModel struct {
	dtype   onnx.DType // of weights and of the input of numbers
	weights map[string][]float64
	factor  float64 // that divides the result of the first layer; 0 is none
	graph   []byte
}

func field(b []byte, num protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), data)
}

func number(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func (m *textModel) tensor(name string, dtype onnx.DType, values []float64, dims ...int) {
	var t, raw []byte
	for _, d := range dims {
		t = number(t, 1, uint64(d))
	}
	codec, _ := dtype.Codec()
	if dtype == onnx.Int64 {
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(int64(v)))
		}
	} else {
		raw = make([]byte, codec.SizeBytes(len(values)))
		codec.Encode(raw, values)
	}
	m.graph = field(m.graph, 5, field(field(number(t, 2, uint64(dtype)), 8, []byte(name)), 9, raw))
}

func (m *textModel) node(out, op string, attribute []byte, ins ...string) {
	var n []byte
	for _, in := range ins {
		n = field(n, 1, []byte(in))
	}
	n = field(field(n, 2, []byte(out)), 4, []byte(op))
	if attribute != nil {
		n = field(n, 5, attribute)
	}
	m.graph = field(m.graph, 1, n)
}

// value adds an input (field 11) or an output (12) with named axes.
func (m *textModel) value(num protowire.Number, name string, dtype onnx.DType, dims ...string) {
	var shape []byte
	for _, d := range dims {
		if d == "4" {
			shape = field(shape, 1, number(nil, 1, 4))
		} else {
			shape = field(shape, 1, field(nil, 2, []byte(d)))
		}
	}
	tensor := field(number(nil, 1, uint64(dtype)), 2, shape)
	m.graph = field(m.graph, num, field(field(nil, 1, []byte(name)), 2, field(nil, 1, tensor)))
}

// write writes the model into a folder and returns its path.
func (m *textModel) write(t *testing.T, dir, name string) string {
	t.Helper()
	m.value(11, "input_ids", onnx.Int64, "batch", "sequence")
	m.value(11, "attention_mask", onnx.Int64, "batch", "sequence")
	m.value(11, "numbers", m.dtype, "batch", "4")
	m.tensor("table", m.dtype, m.weights["table"], 10, 4)
	m.tensor("first", m.dtype, m.weights["first"], 4, 4)
	m.tensor("second", m.dtype, m.weights["second"], 4, 4)
	m.tensor("axes", onnx.Int64, []float64{2}, 1)
	to := number(number(field(nil, 1, []byte("to")), 3, uint64(m.dtype)), 20, 2)
	m.node("rows", "Gather", nil, "table", "input_ids")
	m.node("float_mask", "Cast", to, "attention_mask")
	m.node("columns", "Unsqueeze", nil, "float_mask", "axes")
	m.node("masked", "Mul", nil, "rows", "columns")
	axes := number(number(field(nil, 1, []byte("axes")), 8, 1), 20, 7)
	m.node("mean", "ReduceMean", axes, "masked")
	m.node("flat", "Flatten", nil, "mean")
	m.node("sum", "Add", nil, "flat", "numbers")
	m.node("one", "MatMul", nil, "sum", "first")
	before := "one"
	if m.factor != 0 {
		m.tensor("factor", m.dtype, []float64{m.factor}, 1)
		m.node("scaled", "Div", nil, "one", "factor")
		before = "scaled"
	}
	m.node("active", "Tanh", nil, before)
	m.node("features", "MatMul", nil, "active", "second")
	m.value(12, "features", m.dtype, "batch", "4")
	opset := number(field(nil, 1, nil), 2, 13)
	data := field(field(number(nil, 1, 8), 7, m.graph), 8, opset)
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// trained returns random weights of a seed, moved by noise as fine-tuning does.
func trained(noise float64) map[string][]float64 {
	weights := map[string][]float64{}
	rng, moves := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"table", "first", "second"} {
		n := 16
		if name == "table" {
			n = 40
		}
		for range n {
			weights[name] = append(weights[name], rng.NormFloat64()+noise*moves.NormFloat64())
		}
	}
	return weights
}

// A model with ids, a mask and numbers is proved on inputs that fit each, in one float type and in two.
func TestInputsOfEveryType(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := (&textModel{dtype: onnx.Float32, weights: trained(0)}).write(t, dir, "a.onnx")
	for _, c := range []struct {
		dtype    onnx.DType
		relative float64 // float16 has 11 significant bits
	}{{onnx.Float32, 1e-6}, {onnx.Float16, 4e-3}} {
		b := (&textModel{dtype: c.dtype, weights: trained(.1)}).write(t, dir, "b.onnx")
		_, p := proveFiles(t, a, b)
		if p.Verdict != onnxmerge.Proved || *p.Relative > c.relative || math.IsNaN(*p.Relative) {
			t.Errorf("%s: %s", c.dtype, p)
		}
		var values []string
		for _, in := range p.Inputs {
			values = append(values, in.Values)
			if in.Shape[0] != p.Inputs[0].Shape[0] {
				t.Errorf("batches differ: %v", p.Inputs)
			}
		}
		if want := []string{"random ids below 10", "ones", "random"}; !slices.Equal(values, want) {
			t.Errorf("inputs are %q, want %q", values, want)
		}
	}
}

// Weights that are paired crosswise and a weight that contains a factor are disproved, in one float type and in two.
func TestWrongWeightsAreDisproved(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := (&textModel{dtype: onnx.Float32, weights: trained(0)}).write(t, dir, "a.onnx")
	folded := trained(0)
	for i := range folded["first"] {
		folded["first"][i] *= 3
	}
	scaled := (&textModel{dtype: onnx.Float32, weights: folded, factor: 3}).write(t, dir, "scaled.onnx")
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float16} {
		b := (&textModel{dtype: dtype, weights: trained(.1)}).write(t, dir, "b.onnx")
		for _, c := range []struct {
			a     string
			pairs []onnxmerge.GivenPair
		}{
			{a, []onnxmerge.GivenPair{{A: "first", B: "second"}, {A: "second", B: "first"}}},
			{scaled, []onnxmerge.GivenPair{{A: "first", B: "first"}}},
		} {
			plan, err := wiseft.PlanMerge(t.Context(), []string{c.a, b}, wiseft.MergeOptions{Pairs: c.pairs})
			if err != nil {
				t.Fatal(err)
			}
			defer plan.Close()
			if err := plan.Err(); err != nil {
				t.Fatal(err)
			}
			proofs, err := plan.Prove(t.Context(), wiseft.ProveOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if p := proofs[0]; p.Verdict != onnxmerge.Disproved || !strings.Contains(p.Reason, "wrongly: first") &&
				!strings.Contains(p.Reason, "permuted: first") {
				t.Errorf("%s, %s: %s", dtype, filepath.Base(c.a), p)
			}
		}
	}
}

// With three models there is a proof for each but the last.
func TestProofsOfThreeModels(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	var paths []string
	for i, name := range []string{"base.onnx", "one.onnx", "two.onnx"} {
		paths = append(paths, (&textModel{dtype: onnx.Float32, weights: trained(.1 * float64(i))}).write(t, dir, name))
	}
	r, err := wiseft.Merge(t.Context(), filepath.Join(dir, "out.onnx"), paths,
		wiseft.MergeOptions{Method: "task_arithmetic", Params: method.Params{}, Prove: &wiseft.ProveOptions{}},
		wiseft.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Proof != nil || len(r.Proofs) != 2 || r.Proofs[1].Model != "one.onnx" ||
		r.Proofs[0].Verdict != onnxmerge.Proved || r.Proofs[1].Verdict != onnxmerge.Proved {
		t.Errorf("proofs %v, %v", r.Proof, r.Proofs)
	}
}
