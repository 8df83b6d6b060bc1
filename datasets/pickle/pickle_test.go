package pickle

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const testdata = "../testdata/pickle"

func read(b []byte) (any, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fewshot.pkl", "protocol3.pkl"} {
		b, err := os.ReadFile(filepath.Join(testdata, name))
		if err != nil {
			t.Fatal(err)
		}
		v, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		test, ok := v.(*Dict).Items["test"].(*List)
		if !ok || len(test.Items) != 2 {
			t.Fatalf("%s: test is %v", name, v.(*Dict).Items["test"])
		}
		sample := test.Items[1].(Tuple)
		a := sample[0].(*Array)
		if !slices.Equal(a.Shape, []int{16, 6}) || a.Kind != 'f' || a.ItemSize != 8 || sample[1] != int64(2) ||
			sample[2] != int64(9) {
			t.Errorf("%s: %+v with labels %v", name, a, sample[1:])
		}
		for n := range len(b) {
			if _, err := read(b[:n]); err == nil {
				t.Fatalf("%s: its first %d of %d bytes are accepted", name, n, len(b))
			}
		}
	}
}

// TestRefuses reads malformed pickles and pickles that call functions.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ program, want string }{
		"call":      {"\x80\x02cos\nsystem\n\x8c\x02lsR.", "calls an object that is not a function"},
		"system":    {"\x80\x02cos\nsystem\n\x8c\x02ls\x85R.", `calls "os.system"; only NumPy's constructors`},
		"eval":      {"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", `calls "builtins.eval"`},
		"operation": {"\x80\x02i", `has opcode 'i', which is not supported`},
		"empty":     {"\x80\x02.", "pops from an empty stack"},
		"mark":      {"\x80\x02t.", "has no MARK"},
		"append":    {"\x80\x02NNa.", "appends to an object that is not a list"},
		"items":     {"\x80\x02N(NNu.", "sets items of an object that is not a dictionary"},
		"memo":      {"\x80\x02h\x05.", "reads memo entry 5, but the memo has 0 entries"},
		"put":       {"\x80\x02Nr\xff\xff\xff\x7f.", "stores memo entry 2147483647"},
		"long text": {"\x80\x02X\xff\xff\xff\x7f", "has a string of 2147483647 bytes"},
		"bytes":     {"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", "needs 9223372036854775807 bytes, has 0"},
		"negative":  {"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff", "has a length of 2^63 bytes or more"},
		"cut":       {"\x80\x02\x8a\x04\x00", "is truncated"},
		"integer":   {"\x80\x02\x8a\x09", "has an integer of 9 bytes"},
	} {
		if _, err := read([]byte(test.program)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestIntegers(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]int64{
		"K\xff.": 255, "M\xff\xff.": 65535, "J\xff\xff\xff\xff.": -1, "\x8a\x00.": 0, "\x8a\x01\xff.": -1,
		"\x8a\x02\xff\x00.":                         255,
		"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.": -1 << 63,
	} {
		if got, err := read([]byte(program)); err != nil || got != want {
			t.Errorf("%q: %v (%v), want %d", program, got, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob(testdata + "/*")
	if err != nil || len(paths) < 5 {
		f.Fatalf("%d seeds (%v)", len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = read(b) })
}
