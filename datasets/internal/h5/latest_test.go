package h5

import (
	"bytes"
	"compress/gzip"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// clouds returns the first n values of clouds() in testdata/make.py.
func clouds(n int) []float32 {
	x := make([]float32, n)
	for k := range x {
		x[k] = float32((k*5)%97)/8 - 3
	}
	return x
}

// Files with more chunks than fit in one block of the index.
const (
	fixedPages       = "../h5_index/fixed_pages.h5"
	extensibleBlocks = "../h5_index/extensible_blocks.h5"
)

// Every index of chunks gives the values that h5py wrote, all at once and row by row.
func TestChunkIndices(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(testdata, "latest_*.h5"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[indexKind]int{}
	names := []string{"half.h5", "half_big_endian.h5", fixedPages, extensibleBlocks}
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	for _, name := range names {
		b := load(t, name)
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(name, err)
		}
		a, err := f.Array("data")
		if err != nil {
			t.Fatal(name, err)
		}
		kinds[a.layout.index.kind]++
		got, err := a.Float32s()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := clouds(len(got))
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %d values differ from those written", name, len(got))
		}
		width := len(want) / a.Shape[0]
		for row := range a.Shape[0] {
			got, err := a.Float32Rows(row, 1)
			if err != nil || !slices.Equal(got, want[row*width:(row+1)*width]) {
				t.Errorf("%s: row %d: %v, %v", name, row, got, err)
			}
		}
	}
	for kind := singleChunk; kind <= btree2; kind++ {
		if kinds[kind] == 0 {
			t.Errorf("no file has chunk index type %d", kind)
		}
	}
}

// Prefixes of such files, and files with a damaged byte, give an error or values, and no panic.
func TestDamagedChunkIndices(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"latest_implicit.h5", "latest_fixed_gzip.h5", fixedPages,
		"latest_extensible_middle.h5", extensibleBlocks, "latest_btree2_gzip.h5"} {
		whole := load(t, name)
		noticed := 0
		for i := range whole {
			if i%(1+len(whole)/600) != 0 {
				continue
			}
			for _, change := range []byte{0xff, 1} {
				b := bytes.Clone(whole)
				b[i] ^= change
				if readAll(b) != nil {
					noticed++
				}
			}
			if err := readAll(whole[:i]); err == nil {
				t.Fatalf("%s: its first %d of %d bytes are accepted", name, i, len(whole))
			}
		}
		if noticed < 40 {
			t.Errorf("%s: only %d damaged bytes are noticed", name, noticed)
		}
	}
}

// Links of links of links end: without a bound on all of them, 16 of two links each lead over 65,536 ways.
func TestWaysOfLinksAreBounded(t *testing.T) {
	t.Parallel()
	f := &File{root: 1}
	for i := range 40 {
		next := string(rune('a' + i + 1))
		f.members = append(f.members, member{name: string(rune('a' + i)), soft: "/" + next + "/" + next})
	}
	f.members = append(f.members, member{name: string(rune('a' + 40)), addr: f.root})
	if _, err := f.follow(f.root, "a", &way{}); err == nil || !strings.Contains(err.Error(), "more than 16 soft links") {
		t.Error(err)
	}
	path := strings.Repeat("/"+string(rune('a'+40)), 1000)
	if _, err := f.follow(f.root, path, &way{}); err == nil || !strings.Contains(err.Error(), "more than 256 groups") {
		t.Error(err)
	}
}

// A damaged size of elements takes no time: for each chunk it took seconds, so that this test did not end.
func TestShuffleOfLargeElements(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if got := unshuffle([]byte{1, 2, 3}, math.MaxInt32); !bytes.Equal(got, []byte{1, 2, 3}) {
			t.Fatal(got)
		}
	}
}

func TestSoftLinks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"soft.h5", "soft_latest.h5"} {
		b := load(t, name)
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.Array("data")
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := a.Float32s(); err != nil || !slices.Equal(got, clouds(6*16*3)) {
			t.Errorf("%s: %d values, %v", name, len(got), err)
		}
		y, err := f.Array("label")
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := y.Int64s(); err != nil || !slices.Equal(got, []int64{0, 1, 2, 0, 1, 2}) {
			t.Errorf("%s: labels %d, %v", name, got, err)
		}
		for link, want := range map[string]string{
			"circle":  "more than 16 soft links",
			"nowhere": `a link leads to "/stored/nothing", which does not exist`,
			"outside": "into another file",
			"stored":  "is not an array",
		} {
			if _, err := f.Array(link); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: %v, want %q", name, link, err, want)
			}
		}
	}
}

// denseLinks are files whose root group has so many links, beside the groups and data sets.
var denseLinks = map[string]int{"links.h5.gz": 8, "table.h5.gz": 60, "tables.h5.gz": 2000}

// unpacked returns a compressed file.
func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(load(t, "../h5_dense/"+name)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Groups with their links in a fractal heap are read, whatever the heap and its index consist of.
func TestDenseLinks(t *testing.T) {
	t.Parallel()
	for name, links := range denseLinks {
		b := unpacked(t, name)
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(name, err)
		}
		if got := f.Names(); len(got) != links+4 || !slices.IsSorted(got) {
			t.Errorf("%s: %d names, want %d in order", name, len(got), links+4)
		}
		a, err := f.Array("data")
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := a.Float32s(); err != nil || len(got) == 0 || !slices.Equal(got, clouds(len(got))) {
			t.Errorf("%s: %d values differ from those written (%v)", name, len(got), err)
		}
		for _, link := range f.Names() {
			if !strings.HasPrefix(link, "more") {
				continue
			}
			if a, err = f.Array(link); err != nil || len(a.Shape) == 0 || a.Shape[0] != 6 {
				t.Fatalf("%s: %s: %v", name, link, err)
			}
		}
		if _, err := f.Array("outside"); err == nil || !strings.Contains(err.Error(), "into another file") {
			t.Errorf("%s: link to another file: %v", name, err)
		}
	}
}

// Damaged heaps and indices are refused, and none of them takes long or much memory.
func TestDamagedDenseLinksAreRefused(t *testing.T) {
	t.Parallel()
	b := unpacked(t, "table.h5.gz")
	for _, signature := range []string{"FRHP", "FHIB", "FHDB", "BTHD", "BTLF"} {
		at := bytes.Index(b, []byte(signature))
		if at < 0 {
			t.Fatalf("no %s", signature)
		}
		damaged := slices.Clone(b)
		damaged[at]++
		if _, err := Open(bytes.NewReader(damaged), int64(len(b))); err == nil || !strings.Contains(err.Error(), "at offset") {
			t.Errorf("%s: %v", signature, err)
		}
		for i := at + 4; i < at+140; i++ { // header, table, first records
			for _, value := range []byte{0, 1, 0x7f, 0xff} {
				damaged := slices.Clone(b)
				damaged[i] = value
				_, _ = Open(bytes.NewReader(damaged), int64(len(b)))
			}
		}
	}
}
