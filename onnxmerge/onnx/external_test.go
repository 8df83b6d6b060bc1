package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/input"
)

// openExternal opens a model with its data files.
func openExternal(t *testing.T, path string) (*Model, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	m, err := OpenWithData(bytes.NewReader(data), int64(len(data)), dir)
	if err == nil {
		t.Cleanup(func() {
			if err := errors.Join(m.Close(), m.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	return m, err
}

func samePayloads(t *testing.T, got, want *Model) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for i, w := range want.Tensors {
		g := got.Tensors[i]
		a, b := make([]byte, g.SizeBytes()), make([]byte, w.SizeBytes())
		if err := errors.Join(g.ReadAt(a, 0), w.ReadAt(b, 0)); err != nil {
			t.Fatal(err)
		}
		if g.ID() != w.ID() || !bytes.Equal(a, b) {
			t.Errorf("tensor %s is not %s", g.ID(), w.ID())
		}
	}
}

func TestExternalDataMovesIn(t *testing.T) {
	t.Parallel()
	m, err := openExternal(t, "testdata/external/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	inline, _ := openFile(t, "testdata/finetuned_float_data.onnx") // the same values
	samePayloads(t, m, inline)
	if !m.HasExternalData() || inline.HasExternalData() {
		t.Error("HasExternalData is false for the model with a data file, or true for the other")
	}
	for name, write := range map[string]func(*Model, *bytes.Buffer) error{
		"rewrite": func(m *Model, w *bytes.Buffer) error { return m.Rewrite(t.Context(), w, nil, 3) },
		"pruned": func(m *Model, w *bytes.Buffer) error {
			return m.WriteChanged(t.Context(), w, Change{Needed: map[string]bool{"hidden": true, "fc1.weight": true,
				"fc1.bias": true}})
		},
	} {
		var written []*Model
		for _, from := range []*Model{m, inline} {
			var out bytes.Buffer
			if err := write(from, &out); err != nil {
				t.Fatal(err)
			}
			to, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			written = append(written, to)
		}
		if written[0].HasExternalData() || len(written[0].Tensors) == 0 {
			t.Errorf("%s: external data is left, or nothing is", name)
		}
		samePayloads(t, written[0], written[1])
	}
}

func TestExternalDataIsReplacedAndPruned(t *testing.T) {
	t.Parallel()
	m, err := openExternal(t, "testdata/external/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ones := Replacement{m.Lookup("fc1.bias"), func(dst []byte, off int64) error {
		for i := range dst {
			dst[i] = 1
		}
		return nil
	}}
	if err := m.Rewrite(t.Context(), &out, []Replacement{ones}, 1); err != nil {
		t.Fatal(err)
	}
	got, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	bias := make([]byte, 32)
	if err := got.Lookup("fc1.bias").ReadAt(bias, 0); err != nil || !bytes.Equal(bias, bytes.Repeat([]byte{1}, 32)) {
		t.Errorf("fc1.bias is %v (%v)", bias, err)
	}
	out.Reset()
	c := Change{Needed: map[string]bool{"features": true, "fc2.weight": true, "fc2.bias": true}}
	c.Add.Float32s("scores/weight", []int64{2, 4}, make([]float32, 8))
	if err := m.WriteChanged(t.Context(), &out, c); err != nil {
		t.Fatal(err)
	}
	if got, err = Open(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil {
		t.Fatal(err)
	}
	if got.HasExternalData() || got.Lookup("head.weight") != nil || got.Lookup("fc2.bias") == nil ||
		got.Lookup("scores/weight") == nil {
		t.Errorf("the wrong tensors are left: %v", got.Tensors)
	}
}

func TestExternalDataMustBeOpen(t *testing.T) {
	t.Parallel()
	m, _ := openFile(t, "testdata/external/finetuned.onnx")
	var unsupported UnsupportedError
	if err := m.Rewrite(t.Context(), &bytes.Buffer{}, nil, 1); !errors.As(err, &unsupported) {
		t.Errorf("error %v, want an UnsupportedError", err)
	}
}

// identityOfExternal opens a model y = w of the given shape. w is last in its graph and lies in a sparse file.
func identityOfExternal(t *testing.T, dims ...int64) *Model {
	t.Helper()
	dir, size := t.TempDir(), int64(4)
	entry := appendText(appendText(nil, entryKey, "location"), entryValue, "w.bin")
	var weight []byte
	for _, d := range dims {
		weight = appendInt(weight, tensorDims, d)
		size *= d
	}
	weight = appendText(appendInt(weight, tensorDataType, int64(Float32)), tensorName, "w")
	weight = appendInt(appendMessage(weight, tensorExternalData, entry), tensorDataLocation, locationExt)
	node := appendText(appendText(appendText(nil, nodeInput, "w"), nodeOutput, "y"), nodeOpType, "Identity")
	g := appendMessage(nil, graphNode, node)
	g = appendMessage(g, graphOutput, appendText(nil, valueName, "y"))
	g = appendMessage(g, graphInitializer, weight)
	w, err := os.Create(filepath.Join(dir, "w.bin"))
	if err != nil {
		t.Fatal(err)
	}
	model := appendMessage(nil, modelGraph, g)
	err = errors.Join(w.Truncate(size), w.Close(), os.WriteFile(filepath.Join(dir, "m.onnx"), model, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	m, err := openExternal(t, filepath.Join(dir, "m.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A model that exceeds protobuf's limit is refused before a byte is written and without reading its data.
func TestExternalDataBeyondProtobuf(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var unsupported UnsupportedError
	err := identityOfExternal(t, 1<<30).Rewrite(t.Context(), &out, nil, 1)
	if !errors.As(err, &unsupported) || out.Len() != 0 {
		t.Errorf("%d bytes written, error %v, want an UnsupportedError", out.Len(), err)
	}
}

// The payload of the last tensor and an insertion after it have the same offset.
func TestExternalDataLastInTheGraph(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var c Change
	c.Add.Float32s("scores/bias", []int64{2}, make([]float32, 2))
	if err := identityOfExternal(t, 3, 4).WriteChanged(t.Context(), &out, c); err != nil {
		t.Fatal(err)
	}
	got, err := Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if w := got.Lookup("w"); w == nil || w.Store != Raw || w.SizeBytes() != 48 || got.Lookup("scores/bias") == nil {
		t.Errorf("the wrong tensors are left: %v", got.Tensors)
	}
}

// Every location that is not a file of the model's own folder is refused.
func TestExternalDataStaysInItsFolder(t *testing.T) {
	t.Parallel()
	model, err := os.ReadFile("testdata/external/pretrained.onnx")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/external/pretrained.bin")
	if err != nil {
		t.Fatal(err)
	}
	const name = "pretrained.bin" // locations of equal length keep the protobuf valid
	for _, c := range []struct {
		what, location string
		prepare        func(dir string) error
		want           string
	}{
		{"above", "../secret.bin", nil, "not inside of the model's folder"},
		{"absolute", "/etc/hostname1", nil, "not inside of the model's folder"},
		{"missing", "nowhere_at.all", nil, "no such file"},
		{"link out", name, func(dir string) error {
			return os.Symlink("../outside.bin", filepath.Join(dir, name))
		}, "escapes"},
		{"folder", name, func(dir string) error { return os.Mkdir(filepath.Join(dir, name), 0o777) }, "not a regular file"},
		{"short", name, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, name), data[:40], 0o666)
		}, "beyond its end (40)"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir := filepath.Join(top, "model")
			location := (c.location + strings.Repeat("x", len(name)))[:len(name)]
			changed := bytes.ReplaceAll(model, []byte(name), []byte(location))
			err := errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(top, "outside.bin"), data, 0o666),
				os.WriteFile(filepath.Join(dir, "m.onnx"), changed, 0o666))
			if c.prepare != nil {
				err = errors.Join(err, c.prepare(dir))
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = openExternal(t, filepath.Join(dir, "m.onnx"))
			var format FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a FormatError with %q", err, c.want)
			}
		})
	}
}

// A data file that is almost nothing but holes is refused before anything copies or hashes it.
func TestSparseDataFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/external")); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "pretrained.bin")
	for _, c := range []struct {
		size    int64
		refused bool
	}{{1 << 20, false}, {1 << 40, true}} {
		if err := os.Truncate(data, c.size); err != nil {
			t.Skip("the file system has no files of that size: ", err)
		}
		info, err := os.Stat(data)
		if err != nil {
			t.Fatal(err)
		}
		if input.Holes(info) < c.size/2 {
			t.Skip("the file system tells of no holes")
		}
		_, err = openExternal(t, filepath.Join(dir, "pretrained.onnx"))
		_, refused := errors.AsType[FormatError](err)
		refused = refused && strings.Contains(err.Error(), "holes that take no space")
		if refused != c.refused || err != nil && !refused {
			t.Errorf("%d bytes: got %v, want refused %v", c.size, err, c.refused)
		}
	}
}
