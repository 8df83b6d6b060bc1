package onnx

import (
	"bytes"
	"crypto/sha1" // checksums of ONNX's external data
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shelf is an Output in memory.
type shelf map[string]*bytes.Buffer

func (s shelf) Create(name string) (io.Writer, error) {
	if s[name] != nil {
		return nil, fmt.Errorf("%q is made twice", name)
	}
	s[name] = &bytes.Buffer{}
	return s[name], nil
}

// open opens the written model.
func (s shelf) open(t testing.TB) *Model {
	t.Helper()
	data := s[""].Bytes()
	m, err := openWithData(bytes.NewReader(data), int64(len(data)), func(location string) (opened, error) {
		b := s[location]
		if b == nil {
			return opened{}, errors.New("no such file")
		}
		return opened{bytes.NewReader(b.Bytes()), io.NopCloser(nil), int64(b.Len()), 0}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t testing.TB, m *Model, replacements []Replacement, opt WriteOptions) (shelf, []File) {
	t.Helper()
	out := shelf{}
	files, err := m.Write(t.Context(), out, replacements, opt)
	if err != nil {
		t.Fatal(err)
	}
	return out, files
}

// sameTensors compares all readable payloads.
func sameTensors(t testing.TB, got, want *Model) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) || len(want.Tensors) == 0 {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for i, w := range want.Tensors {
		g := got.Tensors[i]
		if same, err := g.Equal(w); err != nil || !same || g.ID() != w.ID() || g.DType != w.DType ||
			!slices.Equal(g.Dims, w.Dims) {
			t.Errorf("tensor %s %s %v is not %s %s %v (%v)", g.ID(), g.DType, g.Dims, w.ID(), w.DType, w.Dims, err)
		}
	}
}

func filled(x *Tensor, b byte) Replacement {
	return Replacement{x, func(dst []byte, _ int64) error {
		for i := range dst {
			dst[i] = b
		}
		return nil
	}}
}

// Every layout has the same tensors, for models of every kind, and can be written as every other layout.
func TestLayoutsHoldTheSameTensors(t *testing.T) {
	t.Parallel()
	paths := append(good(t), glob(t, "testdata/stores/*.onnx")...)
	for _, path := range append(paths, glob(t, "testdata/external/*.onnx")...) {
		m, err := openExternal(t, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, opt := range []WriteOptions{
			{Layout: Keep, DataName: "x.data"}, {Layout: Inside}, {Layout: Outside, DataName: "x.data", Workers: 3},
			{Layout: Outside, DataName: "x.data", ShardBytes: 8 << 10},
		} {
			out, files := write(t, m, nil, opt)
			got := out.open(t)
			sameTensors(t, got, m)
			if len(files) != len(out)-1 || opt.Layout == Inside && len(files) > 0 {
				t.Errorf("%s, layout %d: %d files are reported, %d were made", path, opt.Layout, len(files), len(out)-1)
			}
			want, err := m.StructureHash(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if hash, err := got.StructureHash(t.Context()); err != nil || hash != want {
				t.Errorf("%s, layout %d: the structure has changed (%v)", path, opt.Layout, err)
			}
			for _, f := range files {
				if int(f.SizeBytes) != out[f.Name].Len() {
					t.Errorf("%s: the reported size of %s is %d bytes, want %d", path, f.Name, f.SizeBytes, out[f.Name].Len())
				}
			}
		}
	}
}

// Every layout of a model that is reduced to its first operator has the same tensors, with new payloads. Payloads of
// removed tensors are not computed.
func TestLayoutsOfAChangedModel(t *testing.T) {
	t.Parallel()
	paths := append(good(t), glob(t, "testdata/stores/*.onnx")...)
	for _, path := range append(paths, glob(t, "testdata/external/*.onnx")...) {
		m, err := openExternal(t, path)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Graph.Nodes) == 0 {
			continue
		}
		first := m.Graph.Nodes[0]
		change := Change{Needed: map[string]bool{}}
		for _, name := range append(slices.Clone(first.Inputs), first.Outputs...) {
			change.Needed[name] = true
		}
		change.Add.Output(m.Graph.Value(first.Outputs[0]))
		reduced, _ := write(t, m, nil, WriteOptions{Layout: Inside, Change: change})
		left := reduced.open(t)
		var replacements []Replacement
		for _, x := range m.Tensors {
			r := filled(x, 1)
			if left.Lookup(x.ID()) == nil {
				r.Fill = func([]byte, int64) error { return fmt.Errorf("%s is removed, and its payload is computed", x.ID()) }
			}
			if x.Replaceable() {
				replacements = append(replacements, r)
			}
		}
		inside, _ := write(t, m, replacements, WriteOptions{Layout: Inside, Change: change})
		for _, opt := range []WriteOptions{{Layout: Keep, DataName: "x.data"}, {Layout: Outside, DataName: "x.data",
			Workers: 3}} {
			opt.Change = change
			out, _ := write(t, m, replacements, opt)
			if got, want := out.open(t), inside.open(t); len(want.Tensors) == len(left.Tensors) {
				sameTensorsOrNone(t, got, want)
			} else {
				t.Errorf("%s: %d tensors, want %d", path, len(want.Tensors), len(left.Tensors))
			}
		}
	}
}

// sameTensorsOrNone is sameTensors for models that may have no tensors.
func sameTensorsOrNone(t testing.TB, got, want *Model) {
	t.Helper()
	if len(got.Tensors)+len(want.Tensors) > 0 {
		sameTensors(t, got, want)
	}
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("nothing matches %s (%v)", pattern, err)
	}
	return paths
}

// Keep changes names of data files and replaced payloads, and nothing else.
func TestKeepPatchesDataInPlace(t *testing.T) {
	t.Parallel()
	m, err := openExternal(t, "testdata/external/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/external/finetuned.bin")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("testdata/external/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	x := m.Lookup("fc2.weight")
	out, files := write(t, m, []Replacement{filled(x, 7)}, WriteOptions{DataName: "finetuned.bin", Workers: 2})
	if !bytes.Equal(out[""].Bytes(), own) {
		t.Error("the model's own file has changed")
	}
	want := bytes.Clone(data)
	for i := range x.SizeBytes() {
		want[x.external.offset+i] = 7
	}
	if !bytes.Equal(out["finetuned.bin"].Bytes(), want) {
		t.Error("the data file is not patched in place")
	}
	again, _ := write(t, m, []Replacement{filled(x, 7)}, WriteOptions{DataName: "finetuned.bin", Workers: 8})
	if !bytes.Equal(again["finetuned.bin"].Bytes(), want) || len(files) != 1 || files[0].Algorithm != "xxh3_128" {
		t.Errorf("eight workers make another file, or %v is wrong", files)
	}
	if _, err := m.Write(t.Context(), shelf{}, nil, WriteOptions{}); err == nil {
		t.Error("data files without a name are written")
	}
}

// Several data files, shared ranges and SHA-1 checksums are preserved.
func TestKeepRenewsChecksums(t *testing.T) {
	t.Parallel()
	m, err := openExternal(t, "testdata/stores/external.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.CheckData(t.Context()); err != nil {
		t.Fatal(err)
	}
	var changed []Replacement
	checked := 0
	for _, x := range m.Tensors {
		if x.external != nil && x.external.checksum != "" {
			changed = append(changed, filled(x, 1))
			checked++
		}
	}
	out, files := write(t, m, changed, WriteOptions{DataName: "x.data"})
	got := out.open(t)
	if err := got.CheckData(t.Context()); err != nil {
		t.Error(err)
	}
	if len(files) != len(m.files) || checked == 0 {
		t.Errorf("%d data files of %d, %d checksums", len(files), len(m.files), checked)
	}
	for _, f := range got.files {
		sum := sha1.Sum(out[f.location].Bytes())
		if f.checksum != "" && f.checksum != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: checksum %s", f.location, f.checksum)
		}
	}
	for _, f := range m.files {
		if f.checksum != "" {
			out := shelf{"": &bytes.Buffer{}}
			f.checksum = strings.Repeat("0", 40)
			if err := m.CheckData(t.Context()); err == nil || !strings.Contains(err.Error(), "was changed or damaged") {
				t.Errorf("a wrong checksum gives %v, %v", err, out)
			}
		}
	}
}

// Payloads begin at mappable offsets, and shards respect their size.
func TestOutsideAlignsAndShards(t *testing.T) {
	t.Parallel()
	m := inlineModel(t, 100, 300<<10, 5000, 10, 2<<20, 5000)
	out, files := write(t, m, nil, WriteOptions{Layout: Outside, DataName: "x.data"})
	if len(files) != 1 {
		t.Fatalf("%d data files", len(files))
	}
	moved := 0
	for _, x := range out.open(t).Tensors {
		if e := x.external; e != nil {
			moved++
			if e.offset%pageBytes != 0 || x.SizeBytes() >= largeBytes && e.offset%granuleBytes != 0 {
				t.Errorf("%s of %d bytes begins at %d", x.Name, x.SizeBytes(), e.offset)
			}
		} else if x.SizeBytes() >= minOutside {
			t.Errorf("%s of %d bytes stays inside", x.Name, x.SizeBytes())
		}
	}
	if moved != 4 {
		t.Errorf("%d payloads moved out, want 4", moved)
	}
	out, files = write(t, m, nil, WriteOptions{Layout: Outside, DataName: "x.data", ShardBytes: 1 << 20})
	sameTensors(t, out.open(t), m)
	var sizes []int64
	for _, f := range files {
		sizes = append(sizes, f.SizeBytes)
	}
	if want := []int64{300<<10 + 5000, 2 << 20, 5000}; !slices.Equal(sizes, want) {
		t.Errorf("shards of %v bytes, want %v", sizes, want)
	}
	names := []string{files[0].Name, files[1].Name, files[2].Name}
	if !slices.Equal(names, []string{"x.data", "x.data.2", "x.data.3"}) {
		t.Errorf("shards are named %v", names)
	}
}

// inlineModel has an initializer of uint8 for each size.
func inlineModel(t testing.TB, sizes ...int) *Model {
	t.Helper()
	var g []byte
	for i, size := range sizes {
		x := appendInt(nil, tensorDims, int64(size))
		x = appendText(appendInt(x, tensorDataType, int64(Uint8)), tensorName, fmt.Sprintf("w%d", i))
		x = appendText(x, tensorRawData, strings.Repeat(string(rune('a'+i)), size))
		g = appendMessage(g, graphInitializer, x)
	}
	data := appendMessage(nil, modelGraph, g)
	m, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// discard is an Output that counts bytes.
type discard map[string]*counter

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func (d discard) Create(name string) (io.Writer, error) {
	d[name] = &counter{}
	return d[name], nil
}

// zeros is a huge model: a head followed by zeros.
type zeros []byte

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(z)) {
		copy(p, z[off:])
	}
	return len(p), nil
}

// A model that exceeds protobuf's limit is written with data files, if they are allowed.
func TestKeepSpillsBeyondProtobuf(t *testing.T) {
	t.Parallel()
	const size = 2200 << 20
	raw := appendInt(appendInt(nil, tensorDims, size), tensorDataType, int64(Uint8))
	raw = append(appendText(raw, tensorName, "w"), tensorRawData<<3|2)
	raw = appendVarint(raw, size)
	g := appendVarint([]byte{graphInitializer<<3 | 2}, uint64(len(raw))+size)
	head := appendVarint([]byte{modelGraph<<3 | 2}, uint64(len(g)+len(raw))+size)
	head = append(append(head, g...), raw...)
	m, err := Open(zeros(head), int64(len(head))+size)
	if err != nil {
		t.Fatal(err)
	}
	out := discard{}
	if _, err := m.Write(t.Context(), out, nil, WriteOptions{DataName: "w.data", Workers: 2}); err != nil {
		t.Fatal(err)
	}
	if out["w.data"].n != size || out[""].n > 1000 {
		t.Errorf("%d bytes of data, %d of model", out["w.data"].n, out[""].n)
	}
	var unsupported UnsupportedError
	for _, opt := range []WriteOptions{{Layout: Keep}, {Layout: Inside}, {Layout: Outside}} {
		out := discard{}
		if _, err := m.Write(t.Context(), out, nil, opt); !errors.As(err, &unsupported) || len(out) != 0 {
			t.Errorf("layout %d without data files: error %v after %d files, want an UnsupportedError before any", opt.Layout,
				err, len(out))
		}
	}
}

func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// The provenance replaces the previous one and receives the hashes of the data files.
func TestProvenanceIsWrittenLast(t *testing.T) {
	t.Parallel()
	m := inlineModel(t, 5000, 10)
	text := func(s string) func([]File) (string, error) {
		return func(data []File) (string, error) { return fmt.Sprint(s, len(data)), nil }
	}
	out, _ := write(t, m, nil, WriteOptions{Layout: Outside, DataName: "x", Provenance: text("first ")})
	first := out.open(t)
	if got := first.Property(ProvenanceKey); got != "first 1" {
		t.Errorf("provenance %q", got)
	}
	out, _ = write(t, first, nil, WriteOptions{Layout: Inside, Provenance: text("second ")})
	second := out.open(t)
	if got := second.Metadata; !slices.Equal(got, []Entry{{ProvenanceKey, "second 0"}}) {
		t.Errorf("metadata %v", got)
	}
	sameTensors(t, second, m)
	failed := errors.New("failed")
	_, err := m.Write(t.Context(), shelf{}, nil, WriteOptions{
		Provenance: func([]File) (string, error) { return "", failed }})
	if !errors.Is(err, failed) {
		t.Errorf("error %v, want that of the provenance", err)
	}
}

// A hard link is accepted if all names of the file are in the folder.
func TestHardLinksOutOfTheFolder(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "model")
	if err := os.CopyFS(dir, os.DirFS("testdata/external")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "finetuned.onnx")
	if err := os.Link(filepath.Join(dir, "finetuned.bin"), filepath.Join(dir, "same.bin")); err != nil {
		t.Skip("no hard links here:", err)
	}
	if _, err := openExternal(t, path); err != nil {
		t.Errorf("a link within the folder: %v", err)
	}
	if err := os.Link(filepath.Join(dir, "finetuned.bin"), filepath.Join(top, "outside.bin")); err != nil {
		t.Fatal(err)
	}
	var format FormatError
	if _, err := openExternal(t, path); !errors.As(err, &format) || !strings.Contains(err.Error(), "hard link") {
		t.Errorf("a link out of the folder: error %v", err)
	}
}
