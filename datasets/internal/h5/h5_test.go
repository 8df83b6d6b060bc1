package h5

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
)

const testdata = "../../testdata/h5"

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads every array, each as the type that it has.
func readAll(b []byte) error {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	for _, name := range f.Names() {
		a, err := f.Array(name)
		if err != nil {
			return err
		}
		if a.IsInteger() {
			_, err = a.Int64s()
		} else {
			_, err = a.Float32s()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"contiguous.h5":  {"data", "label"},
		"latest.h5":      {"data", "label"},
		"group_cycle.h5": {"data", "group", "label"},
	} {
		b := load(t, name)
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(slices.Values(f.Names())); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// TestPrefixes checks that every prefix of a file is refused.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"contiguous.h5", "latest.h5", "chunked_gzip_shuffle.h5"} {
		b := load(t, name)
		if err := readAll(b); err != nil {
			t.Fatal(err)
		}
		for n := range len(b) {
			if err := readAll(b[:n]); err == nil {
				t.Fatalf("%s: its first %d of %d bytes are accepted", name, n, len(b))
			}
		}
	}
}

// TestFlippedBytes changes every byte of a file in turn: nothing may panic, and a change under a fletcher32 checksum
// must be detected.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"contiguous.h5", "latest.h5", "fletcher32.h5"} {
		b := load(t, name)
		noticed := 0
		for i := range b {
			b[i] ^= 0xff
			if readAll(b) != nil {
				noticed++
			}
			b[i] ^= 0xff
		}
		if noticed < 100 {
			t.Errorf("%s: only %d of %d damaged bytes are noticed", name, noticed, len(b))
		}
	}
}

// TestShapeBeyondFile makes the first axis of each array 2^30 long: the shape must be refused before memory is
// allocated for it.
func TestShapeBeyondFile(t *testing.T) {
	for _, name := range []string{"contiguous.h5", "chunked_gzip_shuffle.h5", "chunked_plain.h5", "latest.h5", "lzf.h5"} {
		b := load(t, name)
		shape := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 6), 16)
		at := bytes.Index(b, shape)
		if at < 0 {
			t.Fatalf("%s: shape not found", name)
		}
		binary.LittleEndian.PutUint64(b[at:], 1<<30)
		var err error
		taken := memorytest.Allocated(func() { err = readAll(b) })
		if err == nil || !strings.Contains(err.Error(), "1073741824") && !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
		if taken > 1<<20 {
			t.Errorf("%s: took %d bytes for a file of %d", name, taken, len(b))
		}
	}
}

// TestChunkBeyondRatio makes the shape and the only chunk of a compressed array 2^20 times larger than its stored
// bytes can expand to.
func TestChunkBeyondRatio(t *testing.T) {
	b := load(t, "../modelnet/ply_data_train0.h5")
	replace := func(from, to []byte) {
		t.Helper()
		at := bytes.Index(b, from)
		if at < 0 {
			t.Fatalf("%x is not there", from)
		}
		copy(b[at:], to)
	}
	le := binary.LittleEndian
	replace(le.AppendUint64(le.AppendUint64(nil, 2), 16), le.AppendUint64(nil, 1<<20))
	replace(le.AppendUint32(le.AppendUint32(nil, 2), 16), le.AppendUint32(nil, 1<<20))
	var err error
	taken := memorytest.Allocated(func() { err = readAll(b) })
	if err == nil || !strings.Contains(err.Error(), "chunk at [0 0 0] needs 201326592 bytes, has") {
		t.Errorf("%v", err)
	}
	if taken > 1<<20 {
		t.Errorf("took %d bytes for a file of %d", taken, len(b))
	}
}

func TestFletcher32(t *testing.T) {
	t.Parallel()
	b := load(t, "fletcher32.h5")
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Array("data")
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := a.chunks()
	if err != nil || len(chunks) == 0 {
		t.Fatalf("%d chunks (%v)", len(chunks), err)
	}
	b[chunks[0].addr+chunks[0].size-1] ^= 1 // in the checksum
	if _, err := a.Float32s(); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a wrong checksum gives %v", err)
	}
}

func FuzzFile(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(testdata, "*.h5"))
	if err != nil || len(paths) < 20 {
		f.Fatalf("%d seeds (%v)", len(paths), err)
	}
	for _, path := range paths {
		f.Add(load(f, filepath.Base(path)))
	}
	f.Add(unpacked(f, "table.h5.gz"))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = readAll(b) })
}

// TestRows compares parts of arrays of every storage with the whole.
func TestRows(t *testing.T) {
	t.Parallel()
	direct := 0
	for _, name := range []string{
		"contiguous.h5", "float64.h5", "float32_big_endian.h5", "chunked_gzip_shuffle.h5", "chunked_plain.h5",
		"many_chunks.h5", "lzf.h5", "fletcher32.h5", "latest.h5",
	} {
		b := load(t, name)
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.Array("data")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := a.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		rows := a.Shape[0]
		size := len(whole) / rows
		for from := range rows {
			for n := range rows - from + 1 {
				got, err := a.Float32Rows(from, n)
				if err != nil || !slices.Equal(got, whole[from*size:(from+n)*size]) {
					t.Fatalf("%s: rows %d to %d differ from the whole (%v)", name, from, from+n, err)
				}
			}
			row := make([]float32, size)
			err := a.ReadRow(row, from)
			if a.Direct() != (err == nil) || a.Direct() && !slices.Equal(row, whole[from*size:][:size]) {
				t.Fatalf("%s: row %d differs from the whole (%v)", name, from, err)
			}
		}
		if a.Direct() {
			direct++
		}
		for _, bad := range [][2]int{{-1, 1}, {0, rows + 1}, {rows, 1}, {0, -1}} {
			if _, err := a.Float32Rows(bad[0], bad[1]); err == nil {
				t.Errorf("%s: rows %v are read", name, bad)
			}
		}
	}
	if direct != 4 {
		t.Errorf("%d arrays are read directly, want 4", direct)
	}
}
