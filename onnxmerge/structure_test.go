package onnxmerge

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// A weight that one exporter stored transposed is merged in the axis order of the fine-tuned file, whatever its name.
func TestTransposedWeightsAreMerged(t *testing.T) {
	t.Parallel()
	plain, folded := openPath(t, local("finetuned.onnx")), openPath(t, local("finetuned_folded.onnx"))
	pre := openPath(t, local("pretrained.onnx"))
	want := openBytes(t, merge(t, pre, plain, 0.3, 1)) // the same merge without a transpose
	got := openBytes(t, merge(t, pre, folded, 0.3, 2))
	for id, from := range map[string]string{"w1": "fc1.weight", "w2": "fc2.weight"} {
		g, w := got.Lookup(id), want.Lookup(from)
		rows, cols := g.Dims[0], g.Dims[1]
		pg, pw := payload(t, g), payload(t, w)
		for i := range rows {
			for k := range cols {
				if !bytes.Equal(pg[4*(i*cols+k):][:4], pw[4*(k*rows+i):][:4]) {
					t.Fatalf("%s[%d %d] is not %s[%d %d]", id, i, k, from, k, i)
				}
			}
		}
	}
	if !bytes.Equal(payload(t, got.Lookup("fc2.bias")), payload(t, want.Lookup("fc2.bias"))) {
		t.Error("the bias differs")
	}
	zero := openBytes(t, merge(t, plain, folded, 0, 1)) // the same weights in both
	if !bytes.Equal(payload(t, zero.Lookup("w1")), payload(t, folded.Lookup("w1"))) {
		t.Error("alpha 0 does not give the pre-trained weights in the other order")
	}
}

func TestTransposedReadsEveryOrder(t *testing.T) {
	t.Parallel()
	m := openPath(t, local("finetuned.onnx"))
	source := m.Lookup("fc1.weight")
	for _, c := range []struct {
		dims []int64
		perm []int
	}{
		{[]int64{8, 3}, []int{1, 0}}, {[]int64{2, 3, 4}, []int{2, 0, 1}}, {[]int64{4, 1, 6}, []int{2, 0}},
		{[]int64{2, 3, 2, 2}, []int{3, 1, 0, 2}},
	} {
		x := *source
		x.Dims = c.dims // the same 24 numbers, in another shape
		r := newTransposed(&x, c.perm, 4)
		data := payload(t, source)
		var want []byte
		var walk func(axis int, at []int64)
		walk = func(axis int, at []int64) {
			if axis == len(c.perm) {
				index, step := int64(0), int64(1)
				for i := len(c.dims) - 1; i >= 0; i-- {
					index += at[i] * step
					step *= c.dims[i]
				}
				want = append(want, data[4*index:][:4]...)
				return
			}
			for i := range c.dims[c.perm[axis]] {
				at[c.perm[axis]] = i
				walk(axis+1, at)
			}
		}
		walk(0, make([]int64, len(c.dims)))
		for _, off := range []int{0, 4, 40} {
			got := make([]byte, len(want)-off)
			if err := r.readAt(got, int64(off)); err != nil || !bytes.Equal(got, want[off:]) {
				t.Errorf("%v by %v from byte %d: %x (%v), want %x", c.dims, c.perm, off, got, err, want[off:])
			}
		}
	}
}

// renamed replaces names by others of the same length.
func renamed(t *testing.T, path string, names ...string) *onnx.Model {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(names); i += 2 {
		data = bytes.ReplaceAll(data, []byte(names[i]), []byte(names[i+1]))
	}
	return openBytes(t, data)
}

// Changed names, and names that are exchanged together with their weights, give the same merge.
func TestNamesAreNoProof(t *testing.T) {
	t.Parallel()
	pre := openPath(t, local("pretrained.onnx"))
	fine := openPath(t, local("finetuned.onnx"))
	want := openBytes(t, merge(t, pre, fine, 0.5, 1))
	for name, other := range map[string]*onnx.Model{
		"drifted":   renamed(t, local("pretrained.onnx"), "fc1.weight", "layer.zero", "fc2", "xyz"),
		"exchanged": renamed(t, local("pretrained.onnx"), "fc1.", "tmp.", "fc2.", "fc1.", "tmp.", "fc2."),
	} {
		got := openBytes(t, merge(t, other, fine, 0.5, 1))
		for _, id := range []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"} {
			if !bytes.Equal(payload(t, got.Lookup(id)), payload(t, want.Lookup(id))) {
				t.Errorf("%s names: %s is merged with something else", name, id)
			}
		}
	}
}

// noise returns a payload of standard normal float32 numbers.
func noise(x *onnx.Tensor, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := make([]byte, x.SizeBytes())
	for i := 0; i < len(p); i += 4 {
		binary.LittleEndian.PutUint32(p[i:], math.Float32bits(float32(rng.NormFloat64())))
	}
	return p
}

// Unrelated models are merged, with a warning.
func TestStrangersAreWarnedOf(t *testing.T) {
	t.Parallel()
	a := openPath(t, filepathDemo("pretrained.onnx"))
	random := map[string][]byte{}
	for i, x := range a.Tensors {
		if x.DType == onnx.Float32 {
			random[x.ID()] = noise(x, uint64(i))
		}
	}
	for name, c := range map[string]struct {
		b    *onnx.Model
		want bool
	}{"itself": {a, false}, "random weights": {withPayloads(t, a, random), true}} {
		plan, err := planPair(t.Context(), a, c.b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(plan.Warnings, "\n"), "seem to be unrelated"); got != c.want {
			t.Errorf("%s: warnings %q", name, plan.Warnings)
		}
	}
}

func filepathDemo(name string) string { return "../cmd/wiseft/demo/" + name }

// A head of equal shape whose name and values both differ is copied.
func TestOtherHeadsOfTheSameShapeAreCopied(t *testing.T) {
	t.Parallel()
	a := openPath(t, filepathDemo("finetuned.onnx"))
	other := noise(a.Lookup("head.weight"), 1)
	var out bytes.Buffer
	if err := withPayloads(t, a, map[string][]byte{"head.weight": other}).Rewrite(t.Context(), &out, nil, 1); err != nil {
		t.Fatal(err)
	}
	b := openBytes(t, bytes.ReplaceAll(out.Bytes(), []byte("head.weight"), []byte("proj.matrix")))
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plan.Decisions {
		if d.Tensor == "proj.matrix" && (d.Action != Copy || !strings.Contains(d.Reason, "another head")) {
			t.Errorf("%s %s: %s", d.Action, d.Tensor, d.Reason)
		}
	}
	if n, _ := plan.Count(Merge); n < 20 {
		t.Errorf("%d tensors are merged", n)
	}
}

// Where the graphs differ, weights of equal name with similar values are paired; those with dissimilar values are
// refused.
func TestWeightsProveWhatStructureCannot(t *testing.T) {
	t.Parallel()
	a := openPath(t, filepathDemo("pretrained.onnx"))
	data, err := os.ReadFile(filepathDemo("finetuned.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	opAdd, opMul := []byte("\x22\x03Add"), []byte("\x22\x03Mul") // NodeProto.op_type
	if bytes.Count(data, opAdd) != 1 {
		t.Fatal("the demo's model has another structure")
	}
	b := openBytes(t, bytes.Replace(data, opAdd, opMul, 1)) // two branches are multiplied instead of added
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	proved := 0
	sampler := newSampler(1 << 20)
	for _, d := range plan.planner.decisions {
		if d.how == pair.ByWeights || d.how == pair.Around {
			proved++
			c, ok, err := sampler.likeness(d.a, d.b, nil)
			unlike := ok && c < pair.Related && d.b.Len() >= minRelated && !pair.IsVector(d.Dims)
			if err != nil || unlike || d.a.ID() != d.Tensor {
				t.Errorf("%s is paired with %s, cosine %g", d.Tensor, d.a.ID(), c)
			}
		}
	}
	if proved < 10 {
		t.Errorf("%d weights are proved", proved)
	}
	random := noise(a.Lookup("conv4.weight"), 1)
	_, err = planPair(t.Context(), withPayloads(t, a, map[string][]byte{"conv4.weight": random}), b, Options{})
	const reason = `"conv4.weight": the operators before it differ between the models, and its weights are unlike`
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("other weights under the same name: %v", err)
	}
}
