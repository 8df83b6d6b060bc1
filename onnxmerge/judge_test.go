package onnxmerge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

func store(name string) string { return local(filepath.Join("stores", name)) }

// withPayloads returns the model as one file, with other payloads.
func withPayloads(t testing.TB, m *onnx.Model, payloads map[string][]byte) *onnx.Model {
	t.Helper()
	var replacements []onnx.Replacement
	for id, p := range payloads {
		x := m.Lookup(id)
		if x == nil || x.SizeBytes() != int64(len(p)) {
			t.Fatalf("no tensor %q of %d bytes", id, len(p))
		}
		replacements = append(replacements, onnx.Replacement{Tensor: x, Fill: func(dst []byte, off int64) error {
			copy(dst, p[off:])
			return nil
		}})
	}
	var out bytes.Buffer
	if err := m.Rewrite(t.Context(), &out, replacements, 1); err != nil {
		t.Fatal(err)
	}
	return openBytes(t, out.Bytes())
}

func floats32(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Integers, scales and zero points of quantised weights are copied if they are equal in both models, and refused
// otherwise, for every operator that takes them.
func TestQuantizedWeightsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, tensor, op string }{
		{"qdq.onnx", "conv.weight", "DequantizeLinear[0]"},
		{"qdq.onnx", "conv.scale", "DequantizeLinear[1]"},
		{"qdq.onnx", "conv.zero", "DequantizeLinear[2]"},
		{"qdq.onnx", "x.scale", "izeLinear[1]"}, // QuantizeLinear and DequantizeLinear share it
		{"qdq.onnx", "fc.bias", "DequantizeLinear[0]"},
	} {
		a := openPath(t, store(c.file))
		changed := payload(t, a.Lookup(c.tensor))
		changed[0] ^= 1
		b := withPayloads(t, a, map[string][]byte{c.tensor: changed, "conv.bias": floats32(1, 2, 3)})
		_, err := planPair(t.Context(), a, b, Options{})
		mismatch, ok := errors.AsType[*MismatchError](err)
		if !ok || len(mismatch.Reasons) != 1 || !strings.Contains(mismatch.Reasons[0], c.tensor) ||
			!strings.Contains(mismatch.Reasons[0], c.op) {
			t.Errorf("%s changed: error %v, want one reason that names it and %s", c.tensor, err, c.op)
		}
		plan, err := planPair(t.Context(), a, b, Options{Exclude: []string{c.tensor}})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := plan.Count(Merge); n != 1 {
			t.Errorf("%d tensors are merged beside the quantised ones, want conv.bias", n)
		}
	}
}

func TestQuantizedOperatorsAreKnown(t *testing.T) {
	t.Parallel()
	for file, least := range map[string]int{"qdq.onnx": 10, "qoperators.onnx": 10, "custom.onnx": 2} {
		m := openPath(t, store(file))
		q := flow.Quantized(m)
		if len(q) < least {
			t.Errorf("%s: %d tensors are known as quantised, want %d: %v", file, len(q), least, q)
		}
		for _, x := range m.Tensors {
			if x.DType == onnx.Int8 && q[x] == "" {
				t.Errorf("%s: %s is int8 and not known as quantised", file, x.ID())
			}
		}
	}
}

// Integers, bools and strings that differ are copied from the fine-tuned model, with a warning.
func TestOtherTypesAreComparedAndSaid(t *testing.T) {
	t.Parallel()
	a, _ := open(t, local("pretrained.onnx"))
	b, _ := open(t, local("finetuned.onnx"))
	changed := withPayloads(t, b, map[string][]byte{"axes": {2, 0, 0, 0, 0, 0, 0, 0}})
	plan, err := planPair(t.Context(), a, changed, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Warnings) != 1 ||
		!strings.Contains(plan.Warnings[0], "1 tensors that are not floating-point numbers differ") {
		t.Errorf("warnings %q", plan.Warnings)
	}
	a = openPath(t, store("dtypes.onnx"))
	data, err := os.ReadFile(store("dtypes.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	b = openBytes(t, bytes.Replace(data, []byte("one"), []byte("two"), 1)) // in a tensor of strings
	if plan, err = planPair(t.Context(), a, b, Options{}); err != nil {
		t.Fatal(err)
	}
	if len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "string") {
		t.Errorf("warnings %q", plan.Warnings)
	}
}

// Sparse weights whose values have different indices are refused.
func TestSparseWeightsNeedTheSamePlaces(t *testing.T) {
	t.Parallel()
	a := openPath(t, store("sparse.onnx"))
	for _, x := range a.Tensors {
		if x.Indices == nil || !x.DType.IsFloat() {
			continue
		}
		places := payload(t, x.Indices)
		data := perturbed(t, a)
		if plan, err := planPair(t.Context(), a, openBytes(t, data), Options{}); err != nil || plan == nil {
			t.Fatalf("%s: %v", x.ID(), err)
		}
		moved := bytes.Replace(data, places, append([]byte{places[0] ^ 1}, places[1:]...), 1)
		_, err := planPair(t.Context(), a, openBytes(t, moved), Options{})
		if err == nil || !strings.Contains(err.Error(), "indices of its values differ") {
			t.Errorf("%s: moved values give %v", x.ID(), err)
		}
		return
	}
	t.Fatal("no sparse weight in the file")
}

// normalised returns a model with a BatchNormalization of the given scale and variance.
func normalised(t testing.TB, scale, variance []float32) *onnx.Model {
	t.Helper()
	m := openPath(t, local("batchnorm.onnx"))
	return withPayloads(t, m, map[string][]byte{"bn.scale": floats32(scale...), "bn.var": floats32(variance...)})
}

// Extrapolation can make a running variance negative: it is replaced by 0 and reported in Result.Clamped. Other weights
// may be negative.
func TestNegativeVariancesAreClamped(t *testing.T) {
	t.Parallel()
	a, b := normalised(t, []float32{1, 1, 1}, []float32{3, 1, 4}), normalised(t, []float32{0, 1, 1}, []float32{1, 2, 1})
	params := method.Params{"alpha": 2}
	if _, err := planPair(t.Context(), a, b, Options{Params: params}); err == nil {
		t.Error("alpha 2 is accepted without Extrapolate")
	}
	plan, err := planPair(t.Context(), a, b, Options{Params: params, Extrapolate: true})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r, err := Run(t.Context(), &out, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := openBytes(t, out.Bytes())
	if v := payload(t, got.Lookup("bn.var")); !bytes.Equal(v, floats32(0, 3, 0)) {
		t.Errorf("variance %x, want 0 3 0", v)
	}
	if v := payload(t, got.Lookup("bn.scale")); !bytes.Equal(v, floats32(-1, 1, 1)) {
		t.Errorf("scale %x, want -1 1 1", v)
	}
	if len(r.Clamped) != 1 || r.Clamped[0] != (Clamped{"bn.var", 2}) {
		t.Errorf("clamped %v, want two values of bn.var", r.Clamped)
	}
}

// A result that is not finite is an error.
func TestOverflowIsAnError(t *testing.T) {
	t.Parallel()
	a := normalised(t, []float32{-3e38, 1, 2}, []float32{1, 1, 1})
	b := normalised(t, []float32{3e38, 1, 1}, []float32{1, 1, 1})
	run := func(alpha float64, exclude ...string) error {
		plan, err := planPair(t.Context(), a, b,
			Options{Params: method.Params{"alpha": alpha}, Extrapolate: true, Exclude: exclude})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Run(t.Context(), &bytes.Buffer{}, plan, nil)
		return err
	}
	overflow, ok := errors.AsType[*OverflowError](run(2))
	if !ok || overflow.Element != 0 {
		t.Errorf("error %v, want an overflow of element 0", run(2))
	}
	if err := run(2); err == nil || !strings.Contains(err.Error(), `"bn.scale"`) {
		t.Errorf("error %v does not name the tensor", err)
	}
	if err := run(0.5); err != nil {
		t.Errorf("alpha .5 gives %v", err)
	}
	if err := run(2, "bn.scale"); err != nil {
		t.Errorf("an excluded tensor that would overflow gives %v", err)
	}
}

// Two tensors that share a range of a data file keep it where both get the same bytes, and otherwise get their own.
func TestSharedRangesAreKeptOrDrawnApart(t *testing.T) {
	t.Parallel()
	b := openPath(t, store("external.onnx"))
	var twins []*onnx.Tensor
	for _, x := range b.Tensors {
		for _, y := range b.Tensors {
			if x != y && x.SharesData(y) && len(twins) == 0 {
				twins = []*onnx.Tensor{x, y}
			}
		}
	}
	if len(twins) != 2 {
		t.Fatal("external.onnx has no shared range")
	}
	first, second := twins[0], twins[1]
	moved := payload(t, first)
	moved[0] ^= 1
	both := map[string][]byte{first.ID(): moved, second.ID(): moved}
	one := map[string][]byte{first.ID(): moved}
	pretrained := Options{Params: method.Params{"alpha": 0.}}
	without := Options{Params: pretrained.Params, Exclude: []string{first.ID()}}
	for _, c := range []struct {
		name       string
		pretrained map[string][]byte
		opt        Options
		measured   map[*onnx.Tensor][]byte
		apart      bool
	}{
		{"equal counterparts", nil, pretrained, nil, false},
		{"both moved", both, pretrained, nil, false},
		{"one moved", one, pretrained, nil, true},
		{"one excluded", both, without, nil, true},
		{"one measured", nil, pretrained, map[*onnx.Tensor][]byte{second: moved}, true},
		{"both measured", nil, pretrained, map[*onnx.Tensor][]byte{first: moved, second: moved}, false},
	} {
		plan, err := planPair(t.Context(), withPayloads(t, b, c.pretrained), b, c.opt)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		plan = plan.Replacing(c.measured)
		var inside bytes.Buffer
		if _, err := Run(t.Context(), &inside, plan, nil); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		r, err := Write(t.Context(), folder(dir), plan, WriteOptions{WriteOptions: onnx.WriteOptions{DataName: "model.data"}}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := slices.Contains(r.Notes, ApartNote(second)); got != c.apart {
			t.Errorf("%s: notes %q, want that they are apart: %v", c.name, r.Notes, c.apart)
		}
		kept := openFolder(t, dir)
		for _, want := range openBytes(t, inside.Bytes()).Tensors {
			if got := kept.Lookup(want.ID()); got == nil || !bytes.Equal(payload(t, got), payload(t, want)) {
				t.Errorf("%s: %s differs from that of the model in one file", c.name, want.ID())
			}
		}
		if shared := kept.Lookup(first.ID()).SharesData(kept.Lookup(second.ID())); shared == c.apart {
			t.Errorf("%s: the two share their bytes: %v", c.name, shared)
		}
	}
}

func TestMemoryLimitsWorkers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		memory  int64
		workers int
		want    int
	}{{0, 8, 8}, {0, 0, 1}, {10 * onnx.BlockSize, 8, 1}, {20 * onnx.BlockSize, 8, 2}, {10*onnx.BlockSize - 1, 1, 0}} {
		got, err := Options{Memory: c.memory, Workers: c.workers}.workersFor(2)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%d bytes for %d workers: %d (%v), want %d", c.memory, c.workers, got, err, c.want)
		}
	}
}

// Mixer.Direct on stored bytes and Mix on decoded blocks give the same bytes for every dtype, including the padding
// after an odd number of 4-bit elements.
func TestDirectMixesAreTheSame(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, file := range []string{"dtypes.onnx", "float4.onnx", "runs.onnx", "external.onnx"} {
		a := openPath(t, store(file))
		b := openBytes(t, perturbed(t, a))
		plan, err := planPair(t.Context(), a, b, Options{Params: method.Params{"alpha": 0.3}})
		if err != nil {
			t.Fatal(err)
		}
		mixers, _, err := (&executor{plan.planner}).mixers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mixers {
			direct, blocks := make([]byte, m.dst.SizeBytes()), make([]byte, m.dst.SizeBytes())
			if m.method.Direct == nil {
				t.Fatalf("%s has no direct mix", m.dst.DType)
			}
			errDirect := m.fill(direct, 0)
			m.method.Direct = nil
			errBlocks := m.fill(blocks, 0)
			if !bytes.Equal(direct, blocks) || (errDirect == nil) != (errBlocks == nil) {
				t.Errorf("%s: %x (%v), by blocks %x (%v)", m.dst.ID(), direct, errDirect, blocks, errBlocks)
			}
			compared++
		}
	}
	if compared < 40 {
		t.Errorf("%d tensors were compared", compared)
	}
}
