package feature_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
	"github.com/wiseft/wiseft/probe/feature"
)

// tableCase is what NumPy and pyarrow read from a file of scripts/files/tables.py.
type tableCase struct {
	File, Input, Target string
	Note                string // a part of the notes
	Dim                 int
	X                   []float32
	Labels              []int64
	Classes             []string
}

// part returns how the case reads its file.
func (c tableCase) part(t testing.TB) feature.Part {
	t.Helper()
	p := feature.Part{Input: c.Input, Target: c.Target}
	if filepath.Ext(c.Target) == ".npy" {
		labels := read(t, c.Target)
		p.Labels, p.LabelsSize = bytes.NewReader(labels), int64(len(labels))
	}
	return p
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func tableCases(t testing.TB) (cases []tableCase) {
	t.Helper()
	if err := json.Unmarshal(read(t, "cases.json"), &cases); err != nil || len(cases) < 50 {
		t.Fatalf("%d cases (%v)", len(cases), err)
	}
	return cases
}

// TestFeaturesFromElsewhere reads files of NumPy, pyarrow and text writers, in memory and, where rows can stay there,
// on disk.
func TestFeaturesFromElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range tableCases(t) {
		t.Run(strings.Join([]string{c.File, c.Input, c.Target}, " "), func(t *testing.T) {
			t.Parallel()
			file := read(t, c.File)
			f, err := feature.ReadPart(bytes.NewReader(file), int64(len(file)), c.part(t))
			if err != nil {
				t.Fatal(err)
			}
			if f.Dim != c.Dim || !slices.Equal(f.X, c.X) {
				t.Errorf("%d features %v, want %d %v", f.Dim, f.X, c.Dim, c.X)
			}
			if !slices.Equal(f.Y, c.Labels) || !slices.Equal(f.Meta.Data.Classes, c.Classes) {
				t.Errorf("labels %v of %q, want %v of %q", f.Y, f.Meta.Data.Classes, c.Labels, c.Classes)
			}
			if notes := strings.Join(f.Meta.Data.Notes, "\n"); !strings.Contains(notes, c.Note) {
				t.Errorf("notes %q, want %q", notes, c.Note)
			}
			if ext := filepath.Ext(c.File); ext == ".npy" || ext == ".npz" {
				c.checkOnDisk(t, file)
			}
		})
	}
}

func (c tableCase) checkOnDisk(t *testing.T, file []byte) {
	t.Helper()
	f, err := feature.OpenPart(bytes.NewReader(file), int64(len(file)), c.part(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, err := f.Rows(nil, 0, f.Len())
	if err != nil || f.Width() != c.Dim || !slices.Equal(x, c.X) || !slices.Equal(f.Labels(), c.Labels) {
		t.Errorf("on disk: %d features %v of %v (%v)", f.Width(), x, f.Labels(), err)
	}
}

// TestFeaturesUnsure checks what is refused because features, labels or their values cannot be told.
func TestFeaturesUnsure(t *testing.T) {
	t.Parallel()
	const rows = "1,2,0\n3,4,1\n"
	for _, test := range []struct {
		text string
		part feature.Part
		want string
	}{
		{"", feature.Part{}, `starts with ""`},
		{"\x00\x01\x02\x03", feature.Part{}, "NPZ, NPY, CSV, TSV and Parquet are read"},
		{rows, feature.Part{}, "does not say which column has the labels: name it with --target; it has 1 (numbers), 2"},
		{"a,b,c\n" + rows, feature.Part{}, "it has a (numbers), b (numbers), c (numbers)"},
		{"a,b,c\n" + rows, feature.Part{Target: "d"}, `has no column "d", and there is no such file`},
		{"a,b,c\n" + rows, feature.Part{Target: "c", Input: "z*"}, `has no column "z*"`},
		{"a,a,c\n" + rows, feature.Part{Target: "c"}, `has two columns "a"`},
		{"a,b,c\n", feature.Part{Target: "c"}, "has a heading and no rows"},
		{"a,b,label\n" + rows + "5,x,1\n", feature.Part{}, `line 4: column "b" is "x", want numbers`},
		{"a,b,label\n" + rows + "5,,1\n", feature.Part{}, `line 4: column "b" is "", want numbers`},
		{"a,b,label\n" + rows + "5,1\n", feature.Part{}, "line 4: wrong number of fields"},
		{"a,b,label\n1,2,0.5\n", feature.Part{}, `column "label": sample 0 has label 0.5, want a whole number`},
		{"a,b,label\n1,2,\n1,2,x\n", feature.Part{}, `column "label": sample 0 has an empty label`},
		{"a,label\n\"[1, 2]\",0\n\"[1]\",0\n", feature.Part{}, "line 3 has 1 features, want 2 as the rows before"},
		{"a,label\n\"[1, 2]\",0\n\"[1, x]\",0\n", feature.Part{}, `line 3: column "a" is "[1, x]", want lists of numbers`},
		{"a,b,label\nu,v,0\n", feature.Part{}, "has no columns of numbers beside the labels"},
		{"a,b,label\n" + rows, feature.Part{Target: "x", Labels: strings.NewReader("0\n"), LabelsSize: 2},
			"labels x: has 1 lines for 2 samples"},
		{"PAR1", feature.Part{}, "too short for a Parquet file"},
		{"PAR1PAR1\xff\xff\xff\x7fPAR1", feature.Part{}, "has metadata of 2147483647 bytes in a file of 16"},
		{string(read(t, "X.npy")), feature.Part{}, "name the file with them, as in --target y.npy"},
		{string(read(t, "X.npy")), feature.Part{Target: "y"}, "there is no file y"},
		{string(read(t, "x_alone.npz")), feature.Part{}, "has no array of labels"},
		{string(read(t, "no_label.parquet")), feature.Part{}, "does not say which column has the labels"},
		{string(read(t, "list.parquet")), feature.Part{Input: "label"}, `has no column "label"`},
	} {
		_, err := feature.ReadPart(strings.NewReader(test.text), int64(len(test.text)), test.part)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.30q %+v: %v, want %q", test.text, test.part, err, test.want)
		}
	}
}

// TestParquetDamaged cuts files off and changes their bytes: an error or values, and no panic, within a bound of
// memory.
func TestParquetDamaged(t *testing.T) {
	const bound = 64 << 20 // of the 4 MiB for a million more values, in the slices of three decoders
	for _, name := range []string{"list.parquet", "zstd.parquet", "gzip.parquet", "lz4.parquet", "page_2.0.parquet"} {
		file := read(t, name)
		try := func(b []byte) bool {
			var err error
			if taken := memorytest.Allocated(func() {
				_, err = feature.ReadPart(bytes.NewReader(b), int64(len(b)), feature.Part{})
			}); taken > bound {
				t.Errorf("%s: %d bytes for a file of %d", name, taken, len(b))
			}
			return err != nil
		}
		refused := 0
		for n := 0; n < len(file); n += 7 {
			if try(file[:n]) {
				refused++
			}
			changed := slices.Clone(file)
			changed[n] ^= 0x7f
			try(changed)
			if n+4 < len(file) {
				binary.LittleEndian.PutUint32(changed[n:], math.MaxUint32)
				try(changed)
			}
		}
		if refused < len(file)/7 {
			t.Errorf("%s: %d of %d prefixes are refused", name, refused, len(file)/7)
		}
	}
}

// TestWideTables reads text of very many columns, rows or values: memory follows the file, and a line has a limit.
func TestWideTables(t *testing.T) {
	const megabyte = 1 << 20
	line := func(word, last string, columns int) string { return strings.Repeat(word, columns) + last + "\n" }
	for _, c := range []struct {
		name, file, refusal string
		times               int64 // the bound of what is allocated, in sizes of the file
	}{
		{"separators", line(",", "", 4*megabyte), "line 1 has more than 1048576 columns", 60},
		{"row of separators", "a,b,label\n" + line("1,", "x", 2*megabyte), "line 2 has more than 1048576 columns", 60},
		{"columns", line("1,", "a", megabyte/8) + line("2,", "b", megabyte/8), "", 300},
		{"list", "emb,label\n\"[" + strings.Repeat("1 ", 2*megabyte) + "]\",x\n", "", 20},
		{"open quote", "a,b,label\n1,2,x\n3,\"" + strings.Repeat("4\n", megabyte), "extraneous or missing", 20},
		{"rows", "a,b,label\n" + strings.Repeat("1,2,x\n", megabyte/2), "", 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			taken := memorytest.Allocated(func() {
				_, err = feature.ReadPart(strings.NewReader(c.file), int64(len(c.file)), feature.Part{})
			})
			if times := taken / int64(len(c.file)); times > c.times {
				t.Errorf("%d times the file, want at most %d", times, c.times)
			}
			if (err != nil) != (c.refusal != "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("error %v, want %q", err, c.refusal)
			}
		})
	}
}

// FuzzPart reads arbitrary files of features: none may panic.
func FuzzPart(f *testing.F) {
	for _, c := range tableCases(f) {
		f.Add(read(f, c.File), c.Target)
	}
	f.Fuzz(func(t *testing.T, file []byte, target string) {
		set, err := feature.ReadPart(bytes.NewReader(file), int64(len(file)), feature.Part{Target: target})
		if err == nil && (len(set.Y) == 0 || len(set.X) != len(set.Y)*set.Dim) {
			t.Errorf("%d values of %d features for %d labels", len(set.X), set.Dim, len(set.Y))
		}
	})
}
