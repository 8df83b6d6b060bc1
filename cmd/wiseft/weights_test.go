package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint/checkpointtest"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// parameter is a tensor of the checkpoint of a network for tests.
type parameter struct {
	name string
	dims []int64
}

// parameters are more than 1 MiB each, above which files are used in memory, but for small ones. Few of their extents are multiples of 8.
var parameters = []parameter{
	{"fc.weight", []int64{1003, 269}}, {"fc.bias", []int64{1003}}, {"small.weight", []int64{37, 21}},
	{"attn.q.weight", []int64{267, 1001}}, {"attn.k.weight", []int64{267, 1001}}, {"attn.v.weight", []int64{267, 1001}},
	{"conv.weight", []int64{51, 40, 13, 11}}, {"bn.weight", []int64{51}}, {"bn.bias", []int64{51}}, {"bn.running_mean", []int64{51}},
	{"bn.running_var", []int64{51}},
}

// linear are the parameters beside those that are joined and folded.
var linear = parameters[:3]

// parametersOf returns the elements of parameters, by a seed.
func parametersOf(list []parameter, seed uint64) map[string][]float64 {
	w := map[string][]float64{}
	for i, p := range list {
		n := int64(1)
		for _, d := range p.dims {
			n *= d
		}
		values := onnxtest.Random(100*seed+uint64(i), int(n))
		for j, v := range values {
			if p.name == "bn.running_var" {
				v = 1 + v*v
			}
			values[j] = float64(float32(v))
		}
		w[p.name] = values
	}
	return w
}

// exported returns the tensors that an export of the network has: transposed, joined, and with a BatchNormalization folded in.
func exported(w map[string][]float64) map[string][]float64 {
	m := map[string][]float64{"large": transposed(w["fc.weight"], 1003, 269), "little": transposed(w["small.weight"], 37, 21), "bias": w["fc.bias"]}
	if q := w["attn.q.weight"]; q != nil {
		m["joined"] = transposed(slices.Concat(q, w["attn.k.weight"], w["attn.v.weight"]), 3*267, 1001)
		factor := func(channel int) float64 {
			return w["bn.weight"][channel] / math.Sqrt(w["bn.running_var"][channel]+1e-5)
		}
		for i, v := range w["conv.weight"] {
			m["folded"] = append(m["folded"], v*factor(i/(40*13*11)))
		}
		for c, beta := range w["bn.bias"] {
			m["folded.bias"] = append(m["folded.bias"], beta-w["bn.running_mean"][c]*factor(c))
		}
	}
	return m
}

// transposed returns the transpose of a matrix.
func transposed(v []float64, rows, columns int) []float64 {
	out := make([]float64, 0, len(v))
	for c := range columns {
		for r := range rows {
			out = append(out, v[r*columns+c])
		}
	}
	return out
}

// exportedModel returns an ONNX model with the tensors of an export.
func exportedModel(m map[string][]float64) []byte {
	b := &onnxtest.Builder{}
	b.Input("x", 1, 269)
	b.Tensor("large", m["large"], 269, 1003)
	b.Tensor("bias", m["bias"], 1003)
	b.Tensor("little", m["little"], 21, 37)
	b.Node("h", "MatMul", "x", "large")
	b.Node("fc", "Add", "h", "bias")
	b.Node("l", "MatMul", "fc", "little")
	b.Output("l")
	if m["joined"] != nil {
		b.Input("image", 1, 40, 32, 32)
		b.Tensor("joined", m["joined"], 1001, 801)
		b.Tensor("folded", m["folded"], 51, 40, 13, 11)
		b.Tensor("folded.bias", m["folded.bias"], 51)
		b.Node("j", "MatMul", "l", "joined")
		b.Node("c", "Conv", "image", "folded", "folded.bias")
		b.Output("j")
		b.Output("c")
	}
	return b.Bytes()
}

// rawOf returns the bytes of elements as float32.
func rawOf(values []float64) []byte {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return onnx.Float32Bytes(out)
}

// asSafetensors returns parameters as a safetensors file.
func asSafetensors(t *testing.T, w map[string][]float64) []byte {
	t.Helper()
	var list []checkpoint.Output
	for _, p := range parameters {
		if w[p.name] == nil {
			continue
		}
		raw := rawOf(w[p.name])
		list = append(list, checkpoint.Output{Name: p.name, DType: onnx.Float32, Dims: p.dims, Read: func(dst []byte, off int64) error {
			copy(dst, raw[off:])
			return nil
		}})
	}
	var b bytes.Buffer
	if err := checkpoint.Write(t.Context(), &b, list, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// asPyTorch returns parameters as a PyTorch checkpoint, each in a storage of its own.
func asPyTorch(t *testing.T, w map[string][]float64) []byte {
	t.Helper()
	storages := map[string]checkpointtest.Storage{}
	var list []checkpointtest.Tensor
	for i, p := range parameters {
		if w[p.name] == nil {
			continue
		}
		key := fmt.Sprint(i)
		storages[key] = checkpointtest.Storage{Class: "Float", Item: 4, Data: rawOf(w[p.name])}
		list = append(list, checkpointtest.Tensor{Name: p.name, Storage: key, Dims: p.dims})
	}
	return checkpointtest.PyTorch(t, storages, list)
}

// applied is a folder with a model, the checkpoint that it was exported from, and another one.
type applied struct {
	dir   string
	files map[string][]byte
}

// newApplied makes the folder for a network with some of the parameters.
func newApplied(t *testing.T, list []parameter) *applied {
	t.Helper()
	a := &applied{t.TempDir(), map[string][]byte{}}
	base, tuned := parametersOf(list, 1), parametersOf(list, 2)
	a.put(t, "base.onnx", exportedModel(exported(base)))
	a.put(t, "base.safetensors", asSafetensors(t, base))
	a.put(t, "tuned.safetensors", asSafetensors(t, tuned))
	return a
}

func (a *applied) path(name string) string { return filepath.Join(a.dir, name) }

func (a *applied) put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(a.path(name), data, 0o666); err != nil {
		t.Fatal(err)
	}
	a.files[name] = data
}

// run calls the command with names of files in the folder, and returns its exit code and standard error.
func (a *applied) run(t *testing.T, line string) (code int, stderr string) {
	t.Helper()
	args := []string{"wiseft"}
	for _, word := range strings.Fields(line) {
		if strings.Contains(word, ".") {
			word = a.path(word)
		}
		args = append(args, word)
	}
	var out, errs bytes.Buffer
	code = run(t.Context(), args, console{out: &out, err: &errs, getenv: func(string) string { return "" }})
	return code, errs.String()
}

// unchanged fails if the folder has another file than were put there, or other contents.
func (a *applied) unchanged(t *testing.T, after string) {
	t.Helper()
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if data, err := os.ReadFile(a.path(e.Name())); err != nil || !bytes.Equal(data, a.files[e.Name()]) {
			t.Errorf("%s: %s is not what it was (%v)", after, e.Name(), err)
		}
	}
	if want := slices.Sorted(maps.Keys(a.files)); !slices.Equal(names, want) {
		t.Errorf("%s: the folder has %q, want %q", after, names, want)
	}
}

// flipped returns a model with one bit of one element of a tensor changed; bit 0 is the least of the element's 32.
func flipped(t *testing.T, model []byte, tensor []float64, at, bit int) []byte {
	t.Helper()
	off := bytes.Index(model, rawOf(tensor))
	if off < 0 {
		t.Fatal("the model does not have the tensor")
	}
	model = bytes.Clone(model)
	model[off+4*at+bit/8] ^= 1 << (bit % 8)
	return model
}

const (
	applyLine   = "weights apply base.onnx --from base.safetensors --to tuned.safetensors -o out.onnx"
	unexplained = "no expression over the checkpoint gives its values, and they are those of no formula"
)

// A bit that differs in one element of a tensor that is stored transposed is found wherever it is: the tensor is named, and nothing is
// written.
func TestApplyOneWrongBit(t *testing.T) {
	t.Parallel()
	a := newApplied(t, linear)
	base, tensors := a.files["base.onnx"], exported(parametersOf(linear, 1))
	for name, dims := range map[string][2]int{"large": {269, 1003}, "little": {21, 37}} {
		rows, columns := dims[0], dims[1]
		for where, at := range map[string][2]int{
			"the first element": {0, 0}, "the last": {rows - 1, columns - 1}, "the middle": {rows / 2, columns / 2}, "the last row": {rows - 1, 3},
			"the last column": {2, columns - 1}, "the end of the first row": {0, columns - 1}, "the beginning of the last row": {rows - 1, 0},
			"the corner before the last": {rows - 2, columns - 2},
		} {
			what := fmt.Sprintf("%s of %q", where, name)
			a.put(t, "base.onnx", flipped(t, base, tensors[name], at[0]*columns+at[1], 0))
			code, stderr := a.run(t, applyLine)
			if code != exitMismatch || !strings.Contains(stderr, "1 of its tensors are not explained") ||
				!strings.Contains(stderr, "\n  "+name+": "+unexplained) {
				t.Errorf("%s: exit code %d: %s", what, code, stderr)
			}
			a.unchanged(t, what)
		}
	}
}

// All tensors of which an element differs are listed, whatever they are made by. With --force the earlier output stays.
func TestApplySeveralWrongBits(t *testing.T) {
	t.Parallel()
	a := newApplied(t, parameters)
	tensors := exported(parametersOf(parameters, 1))
	model := a.files["base.onnx"]
	for name, at := range map[string]int{"large": 269*1003 - 1, "little": 5, "joined": 300} {
		model = flipped(t, model, tensors[name], at, 0)
	}
	model = flipped(t, model, tensors["folded"], 51*40*13*11-1, 22) // of the significand's highest: roundings differ, too; the bias is found beside the weight
	a.put(t, "out.onnx", []byte("an earlier output"))
	a.put(t, "wrong.onnx", model)
	code, stderr := a.run(t, strings.Replace(applyLine, "base.onnx", "wrong.onnx", 1)+" --force")
	if code != exitMismatch || !strings.Contains(stderr, "5 of its tensors are not explained") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, name := range []string{"large", "little", "joined", "folded", "folded.bias"} {
		if !strings.Contains(stderr, "\n  "+name+": "+unexplained) {
			t.Errorf("%s is not listed: %s", name, stderr)
		}
	}
	a.unchanged(t, "after --force")
}

// payloadsOf returns the payloads of the tensors of a model.
func payloadsOf(t *testing.T, model []byte) map[string][]byte {
	t.Helper()
	m, err := onnx.Open(bytes.NewReader(model), int64(len(model)))
	if err != nil {
		t.Fatal(err)
	}
	payloads := map[string][]byte{}
	for _, x := range m.Tensors {
		data := make([]byte, x.SizeBytes())
		if err := x.ReadAt(data, 0); err != nil {
			t.Fatal(err)
		}
		payloads[x.ID()] = data
	}
	return payloads
}

// stridedPyTorch returns parameters as a PyTorch checkpoint in one storage, which has other elements before them; matrices are stored
// transposed.
func stridedPyTorch(t *testing.T, w map[string][]float64) []byte {
	t.Helper()
	all := []float64{1, 2, 3}
	var list []checkpointtest.Tensor
	for _, p := range parameters {
		x := checkpointtest.Tensor{Name: p.name, Storage: "0", Offset: int64(len(all)), Dims: p.dims}
		values := w[p.name]
		if len(p.dims) == 2 {
			x.Strides = []int64{1, p.dims[0]}
			values = transposed(values, int(p.dims[0]), int(p.dims[1]))
		}
		list, all = append(list, x), append(all, values...)
	}
	return checkpointtest.PyTorch(t, map[string]checkpointtest.Storage{"0": {Class: "Float", Item: 4, Data: rawOf(all)}}, list)
}

// Weights that are transposed, joined and folded are those of an export, whatever file has the checkpoint, and however large the
// memory is.
func TestApplyFromPyTorch(t *testing.T) {
	t.Parallel()
	a := newApplied(t, parameters)
	base, tuned := parametersOf(parameters, 1), parametersOf(parameters, 2)
	a.put(t, "base.pt", asPyTorch(t, base))
	a.put(t, "tuned.pt", asPyTorch(t, tuned))
	a.put(t, "base.strided.pt", stridedPyTorch(t, base))
	a.put(t, "tuned.strided.pt", stridedPyTorch(t, tuned))
	model := exported(tuned)
	want := map[string][]byte{}
	for i, files := range []string{"--from base.safetensors --to tuned.safetensors", "--from base.pt --to tuned.pt",
		"--from base.pt --to tuned.pt --memory 3MiB", "--from base.safetensors --to tuned.strided.pt",
		"--from base.strided.pt --to tuned.safetensors"} {
		code, stderr := a.run(t, fmt.Sprintf("weights apply base.onnx %s -o out%d.onnx --no-sync", files, i))
		if code != exitDone {
			t.Fatalf("%s: exit code %d: %s", files, code, stderr)
		}
		data, err := os.ReadFile(a.path(fmt.Sprintf("out%d.onnx", i)))
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range payloadsOf(t, data) {
			if want[name] == nil { // of safetensors files
				want[name] = got
			}
			if !bytes.Equal(got, want[name]) {
				t.Errorf("%s: %s is another than from safetensors files", files, name)
			}
			if !strings.HasPrefix(name, "folded") && !bytes.Equal(got, rawOf(model[name])) {
				t.Errorf("%s: %s is not that of the export", files, name)
			}
		}
	}
	if len(want) != len(model) {
		t.Errorf("%d tensors, want %d", len(want), len(model))
	}
}

// A checkpoint of which the end is missing is refused, whatever is left of it, and nothing is written.
func TestApplyShortCheckpoint(t *testing.T) {
	t.Parallel()
	a := newApplied(t, linear)
	for name, whole := range map[string][]byte{"short.safetensors": a.files["tuned.safetensors"], "short.pt": asPyTorch(t, parametersOf(linear, 2))} {
		n := len(whole)
		header := 8 + int(binary.LittleEndian.Uint16(whole))
		if name == "short.pt" {
			header = bytes.Index(whole, []byte("archive/data/0"))
		}
		for _, left := range []int{0, 1, 7, 8, 15, 16, header / 2, header - 1, header, header + 1, header + 4000, n / 2, n - 4096, n - 23, n - 4, n - 1} {
			a.put(t, name, whole[:left])
			for _, line := range []string{"--from base.safetensors --to " + name, "--from " + name + " --to tuned.safetensors"} {
				what := fmt.Sprintf("the first %d of %d bytes, %s", left, n, line)
				code, stderr := a.run(t, "weights apply base.onnx "+line+" -o out.onnx")
				if code != exitInput || !strings.HasPrefix(stderr, "wiseft: "+a.path(name)+": ") || strings.Count(stderr, "\n") > 2 {
					t.Errorf("%s: exit code %d: %s", what, code, stderr)
				}
				if _, err := os.Stat(a.path("out.onnx")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: there is an output (%v)", what, err)
				}
			}
		}
	}
	a.unchanged(t, "after all")
}

// A checkpoint that has none of the tensors as the model needs them is an error that says so of it, not of the one that the model was
// exported from.
func TestApplyOtherCheckpoint(t *testing.T) {
	t.Parallel()
	a := newApplied(t, linear)
	w := parametersOf(linear, 2)
	storages := map[string]checkpointtest.Storage{}
	var list []checkpointtest.Tensor
	for _, p := range linear {
		storages[p.name] = checkpointtest.Storage{Class: "Int", Item: 4, Data: rawOf(w[p.name])}
		list = append(list, checkpointtest.Tensor{Name: p.name, Storage: p.name, Dims: p.dims})
	}
	a.put(t, "integers.pt", checkpointtest.PyTorch(t, storages, list))
	code, stderr := a.run(t, strings.Replace(applyLine, "tuned.safetensors", "integers.pt", 1))
	if code != exitMismatch || !strings.Contains(stderr, `large: "fc.weight" has the type int32 in the other checkpoint`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	a.unchanged(t, "after a checkpoint of integers")
}

// Tensors whose bytes a data file has once, since they were equal, get different ones where they differ in the other checkpoint,
// wherever the model's payloads are written.
func TestApplySharedBytes(t *testing.T) {
	t.Parallel()
	const n = 300
	names := []string{"a", "b"}
	a := &applied{t.TempDir(), map[string][]byte{}}
	b := &onnxtest.Builder{}
	b.Input("x", 1, n)
	for _, name := range names {
		b.External(name, "base.bin", 0, n)
		b.Node(name+"x", "Add", "x", name)
	}
	b.Node("y", "Mul", "ax", "bx")
	b.Output("y")
	state := func(values ...[]float64) []byte {
		storages := map[string]checkpointtest.Storage{}
		var list []checkpointtest.Tensor
		for i, v := range values {
			storages[names[i]] = checkpointtest.Storage{Class: "Float", Item: 4, Data: rawOf(v)}
			list = append(list, checkpointtest.Tensor{Name: names[i], Storage: names[i], Dims: []int64{n}})
		}
		return checkpointtest.PyTorch(t, storages, list)
	}
	base, one, other := onnxtest.Random(1, n), onnxtest.Random(2, n), onnxtest.Random(3, n)
	a.put(t, "base.onnx", b.Bytes())
	a.put(t, "base.bin", rawOf(base))
	a.put(t, "base.pt", state(base, base))
	a.put(t, "tuned.pt", state(one, other))
	for _, flags := range []string{"", " --external always", " --external never", " --external safetensors"} {
		code, stderr := a.run(t, "weights apply base.onnx --from base.pt --to tuned.pt -o out.onnx --force --no-sync"+flags)
		if code != exitDone {
			t.Errorf("%q: exit code %d: %s", flags, code, stderr)
			continue
		}
		m, err := wiseft.Open(a.path("out.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]byte{rawOf(one), rawOf(other)} {
			got := make([]byte, len(want))
			if err := m.Lookup(names[i]).ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%q: %s is not that of the checkpoint (%v)", flags, names[i], err)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	code, stderr := a.run(t, "verify out.onnx")
	if code != exitDone {
		t.Errorf("verify: exit code %d: %s", code, stderr)
	}

	// A tensor that the checkpoint has once keeps one range.
	a.put(t, "base.pt", state(base))
	a.put(t, "tuned.pt", state(one))
	code, stderr = a.run(t, "weights apply base.onnx --from base.pt --to tuned.pt -o out.onnx --force --no-sync")
	if code != exitDone {
		t.Fatalf("tied: exit code %d: %s", code, stderr)
	}
	m, err := wiseft.Open(a.path("out.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !m.Lookup("a").SharesData(m.Lookup("b")) {
		t.Error("a tensor that is tied in the checkpoint, too, is written twice")
	}
	got := make([]byte, 4*n)
	if err := m.Lookup("b").ReadAt(got, 0); err != nil || !bytes.Equal(got, rawOf(one)) {
		t.Errorf("tied: not that of the checkpoint (%v)", err)
	}
}
