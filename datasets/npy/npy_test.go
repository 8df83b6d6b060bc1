package npy_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/memorytest"
)

// archive returns an NPZ file with one array x of this header and these bytes.
func archive(t testing.TB, method uint16, header string, values []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "x.npy", Method: method})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(w, "\x93NUMPY\x01\x00%c%c%s", len(header)&0xff, len(header)>>8, header)
	w.Write(values)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(b []byte) ([]float32, []int, error) {
	a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, nil, err
	}
	x, h, err := a.Float32s("x")
	if err != nil {
		return nil, nil, err
	}
	return x, h.Shape, nil
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	one := []byte{0, 0, 128, 63} // 1.0
	tests := []struct {
		header, wrong string
		values        []byte
	}{
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", "", one},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "", one},
		{"{'shape': (1, 1), 'fortran_order': False, 'descr': '=f4'}", "", one},
		{"{'descr':'<f4','fortran_order':False,'shape':(1,1,1)}", "", one},
		{"{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "", one},
		{"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "column-major order", one},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "ends after 1 of 2 values", one},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "1 bytes too many", []byte{0, 0, 128, 63, 7}},
		{"{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", "type f16, want numbers", make([]byte, 16)},
		{"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "holds pickled Python objects (dtype object), want numbers", one},
		{"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "malformed or unsupported header", one},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "malformed or unsupported header", one},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "a shape that is too large", one},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000, 1000000), }", "a shape that is too large",
			one},
		{"", "malformed or unsupported header", one},
	}
	for _, test := range tests {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			x, _, err := floats(archive(t, method, test.header, test.values))
			switch {
			case test.wrong == "" && (err != nil || !slices.Equal(x, []float32{1})):
				t.Errorf("%s: %v (%v)", test.header, x, err)
			case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
				t.Errorf("%s: %v, want %q", test.header, err, test.wrong)
			}
		}
	}
}

// TestNumberTypes reads every type of numbers as float32, stored and compressed, whole and by rows.
func TestNumberTypes(t *testing.T) {
	t.Parallel()
	for descr, values := range map[string]string{
		"<f2": "\x00\x40\x00\xc2", "|i1": "\x02\xfd", "|u1": "\x02\xfd", "<i2": "\x02\x00\xfd\xff", ">i2": "\x00\x02\xff\xfd",
		"<u2": "\x02\x00\xfd\x00", "<i4": "\x02\x00\x00\x00\xfd\xff\xff\xff", "<u8": "\x02\x00\x00\x00\x00\x00\x00\x00\xfd\x00\x00\x00\x00\x00\x00\x00",
		"|b1": "\x00\x01",
	} {
		want := []float32{2, -3}
		switch descr {
		case "|u1", "<u2", "<u8":
			want[1] = 253
		case "|b1":
			want = []float32{0, 1}
		}
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			b := archive(t, method, "{'descr': '"+descr+"', 'fortran_order': False, 'shape': (2,), }", []byte(values))
			if x, _, err := floats(b); err != nil || !slices.Equal(x, want) {
				t.Errorf("%s: %v (%v), want %v", descr, x, err, want)
			}
			a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := a.Rows("x")
			if err != nil {
				t.Fatal(err)
			}
			var x [1]float32
			if err := rows.Float32s(x[:], 1); err != nil || x[0] != want[1] {
				t.Errorf("%s: row 1 is %v (%v), want %v", descr, x, err, want[1])
			}
		}
	}
	// 2^24 + 1 is the first integer that float32 does not hold.
	b := archive(t, zip.Store, "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", []byte{1, 0, 0, 1})
	if _, _, err := floats(b); err == nil || !strings.Contains(err.Error(), "value 0 is 16777217, which float32 does not hold") {
		t.Errorf("2^24 + 1: %v", err)
	}
}

// TestCompressedIsComplete reads a compressed array that is longer than the
// decompressor's window, at an odd offset: short reads within must not matter.
func TestCompressedIsComplete(t *testing.T) {
	t.Parallel()
	const n = 100_000
	values := make([]byte, 4*n)
	for i := range n {
		values[4*i], values[4*i+1], values[4*i+2] = byte(i), byte(i>>8), byte(i>>16)
	}
	for pad := range 4 {
		header := fmt.Sprintf("{'descr': '<u4', 'fortran_order': False, 'shape': (%d,), }%s", n, strings.Repeat(" ", pad))
		b := archive(t, zip.Deflate, header, values)
		a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		x, _, err := a.Int64s("x")
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if v != int64(i) {
				t.Fatalf("pad %d: value %d is %d", pad, i, v)
			}
		}
	}
}

// TestShapeBeyondFile reads a header with a shape of 400 GiB: it must be refused before memory is allocated for it.
func TestShapeBeyondFile(t *testing.T) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		b := archive(t, method, "{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824, 100), }", make([]byte, 100))
		var err error
		taken := memorytest.Allocated(func() { _, _, err = floats(b) })
		if err == nil || !strings.Contains(err.Error(), "needs 429496729600 bytes") {
			t.Errorf("%v", err)
		}
		if taken > 1<<20 {
			t.Errorf("took %d bytes for a file of %d", taken, len(b))
		}
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := npy.NewWriter(&b)
	rows := [][]float32{{1, 2, 3, 4}, {5, 6, 7, 8}}
	if err := w.Float32Rows("x", 2, []int{2, 2}, func(i int) ([]float32, error) { return rows[i], nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.Int64s("y", []int64{-1, 1 << 40}); err != nil {
		t.Fatal(err)
	}
	if err := w.Strings("classes", []string{"bathtub", "", "désk"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := npy.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	x, h, err := a.Float32s("x")
	if err != nil || !slices.Equal(x, slices.Concat(rows...)) || !slices.Equal(h.Shape, []int{2, 2, 2}) {
		t.Errorf("x: %v of shape %v (%v)", x, h, err)
	}
	if y, _, err := a.Int64s("y"); err != nil || !slices.Equal(y, []int64{-1, 1 << 40}) {
		t.Errorf("y: %v (%v)", y, err)
	}
	if c, _, err := a.Strings("classes"); err != nil || !slices.Equal(c, []string{"bathtub", "", "désk"}) {
		t.Errorf("classes: %q (%v)", c, err)
	}
	if !slices.Equal(a.Names(), []string{"classes", "x", "y"}) {
		t.Errorf("names %v", a.Names())
	}
	err = npy.NewWriter(&b).Float32Rows("x", 1, []int{2}, func(int) ([]float32, error) { return []float32{1}, nil })
	if err == nil || !strings.Contains(err.Error(), "row 0 has 1 values, want 2") {
		t.Errorf("a short row: %v", err)
	}
}

// TestPrefixes checks that every prefix of an archive is refused.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../testdata/npz/compressed_classes.npz")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := floats(b); err != nil {
		t.Fatal(err)
	}
	for n := range len(b) {
		if _, _, err := floats(b[:n]); err == nil {
			t.Fatalf("its first %d of %d bytes are accepted", n, len(b))
		}
	}
}

func FuzzArchive(f *testing.F) {
	paths, err := filepath.Glob("../testdata/npz/*.npz")
	if err != nil || len(paths) < 10 {
		f.Fatalf("%d seeds (%v)", len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, name := range a.Names() {
			_, _, _ = a.Float32s(name)
			_, _, _ = a.Int64s(name)
			_, _, _ = a.Strings(name)
			if rows, err := a.Rows(name); err == nil {
				_ = rows.Float32s(make([]float32, min(4, rows.Len())), 0)
				_ = rows.Close()
			}
		}
	})
}

func FuzzArray(f *testing.F) {
	for _, path := range []string{"../testdata/modelnet40_c/data_cutout_1.npy", "../testdata/modelnet40_c/label.npy"} {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		if rows, err := npy.OpenArray(bytes.NewReader(b), int64(len(b))); err == nil {
			_, _ = rows.Int64s()
			_, _ = rows.Strings()
		}
		if rows, err := npy.OpenArray(bytes.NewReader(b), int64(len(b))); err == nil {
			_ = rows.Float32s(make([]float32, min(4, rows.Len())), 0)
			_ = rows.Close()
		}
	})
}

// TestRows reads arrays from the middle: stored, compressed, and in a file of their own.
func TestRows(t *testing.T) {
	t.Parallel()
	const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (5, 2), }"
	var values []byte
	for i := range 10 {
		values = binary.LittleEndian.AppendUint64(values, math.Float64bits(float64(i)/2))
	}
	check := func(name string, rows *npy.Rows, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer rows.Close()
		got := make([]float32, 4)
		if err := rows.Float32s(got, 4); err != nil || !slices.Equal(got, []float32{2, 2.5, 3, 3.5}) {
			t.Errorf("%s: %v (%v)", name, got, err)
		}
		for _, from := range []int{-1, 7} {
			if err := rows.Float32s(got, from); err == nil {
				t.Errorf("%s: values from %d on are read", name, from)
			}
		}
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		b := archive(t, method, header, values)
		a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := a.Rows("x")
		check(fmt.Sprint("method ", method), rows, err)
	}
	var file bytes.Buffer
	if err := npy.WriteArray(&file, "<f8", []int{5, 2},
		func(w io.Writer) error { _, err := w.Write(values); return err }); err != nil {
		t.Fatal(err)
	}
	rows, err := npy.OpenArray(bytes.NewReader(file.Bytes()), int64(file.Len()))
	check("file", rows, err)
	for n := range file.Len() {
		if _, err := npy.OpenArray(bytes.NewReader(file.Bytes()), int64(n)); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted", n, file.Len())
		}
	}
}

// TestDamagedRows flips a bit of a stored value, which only the checksum detects.
func TestDamagedRows(t *testing.T) {
	t.Parallel()
	values := bytes.Repeat([]byte{0, 0, 128, 63}, 100)
	b := archive(t, zip.Store, "{'descr': '<f4', 'fortran_order': False, 'shape': (100,), }", values)
	b[bytes.Index(b, values)+200] ^= 1
	a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := a.Rows("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Float32s(make([]float32, 1), 0); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged array gives %v", err)
	}
}

// TestSpool decompresses 80 MiB of zeros to a temporary file, of which nothing is left.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const n = 20 << 20
	b := archive(t, zip.Deflate, fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", n),
		make([]byte, 4*n))
	a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := a.Rows("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Float32s(make([]float32, 10), n-10); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%d temporary files are left", len(entries))
	}
}

// TestRowsOfABomb opens an array of 16 bytes whose compressed stream expands to 64 MiB: the excess must not stay in
// memory.
func TestRowsOfABomb(t *testing.T) {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n"
	b := archive(t, zip.Deflate, header, make([]byte, 64<<20))
	a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	taken := memorytest.Allocated(func() { _, err = a.Rows("x") })
	if err == nil || !strings.Contains(err.Error(), "needs 16 bytes, has more") {
		t.Errorf("error %v", err)
	}
	if taken > 1<<20 {
		t.Errorf("%d bytes were taken", taken)
	}
}
