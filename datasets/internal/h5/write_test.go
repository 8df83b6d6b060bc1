package h5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// written is a file with an array of every type.
func written(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	columns := []Column{
		{"label", Int64, []int{2, 1}, values([]int64{7, -1})},
		{"data", Float32, []int{2, 2, 3}, values([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5})},
		{"wide", Float64, []int{3}, values([]float64{0.1, -2, 1e300})},
		{"small", Uint8, []int{3, 1}, values([]uint8{0, 1, 255})},
	}
	if err := Write(&b, []Attribute{{"origin", "self-made"}, {"clé", "été"}}, columns); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func values(v any) func(io.Writer) error {
	return func(w io.Writer) error { return binary.Write(w, binary.LittleEndian, v) }
}

func TestWriteReads(t *testing.T) {
	t.Parallel()
	b := written(t)
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Names(); !slices.Equal(got, []string{"data", "label", "small", "wide"}) {
		t.Errorf("names %v", got)
	}
	data, err := f.Array("data")
	if err != nil {
		t.Fatal(err)
	}
	x, err := data.Float32s()
	if err != nil || !slices.Equal(data.Shape, []int{2, 2, 3}) || x[11] != 11.5 || x[1] != 1 {
		t.Errorf("data is %v of shape %v (%v)", x, data.Shape, err)
	}
	for name, want := range map[string][]int64{"label": {7, -1}, "small": {0, 1, 255}} {
		a, err := f.Array(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Int64s(); err != nil || !slices.Equal(got, want) || !slices.Equal(a.Shape, []int{len(want), 1}) {
			t.Errorf("%s is %v of shape %v (%v)", name, got, a.Shape, err)
		}
	}
	wide, err := f.Array("wide")
	if err != nil {
		t.Fatal(err)
	}
	if wide.itemSize != 8 || wide.IsInteger() {
		t.Errorf("wide has items of %d bytes", wide.itemSize)
	}
}

// TestWriteGolden compares the bytes with a file that testdata/make.py has read with h5py.
func TestWriteGolden(t *testing.T) {
	t.Parallel()
	const path = testdata + "/../written.h5"
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(path, written(t), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t), want) {
		t.Error("Write gives other bytes than testdata/written.h5; make it anew with UPDATE=1 and " +
			"read it with testdata/make.py")
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, test := range []struct {
		columns []Column
		want    string
	}{
		{nil, "0 arrays"},
		{[]Column{{"data", Float32, []int{2}, values([]float32{1})}}, `"data" has 4 bytes, want 8`},
		{[]Column{{"data", Float32, []int{1}, func(io.Writer) error { return broken }}}, "broken"},
	} {
		if err := Write(io.Discard, nil, test.columns); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
}
