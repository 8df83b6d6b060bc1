package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pcdPoints = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 2\nHEIGHT 1\nPOINTS 2\n"

func TestDecodePCD(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, wrong string }{
		{"comments and blank lines", "# x\n\n" + pcdPoints + "DATA ascii\n1 2 3\n\n4 5 6", ""},
		{"no COUNT, HEIGHT or POINTS", "FIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nWIDTH 2\nDATA ascii\r\n1 2 3\r\n4 5 6\r\n", ""},
		{"other fields",
			"FIELDS i z y n x\nSIZE 4 4 4 4 4\nTYPE U F F F F\nCOUNT 1 1 1 2 1\nWIDTH 2\nDATA ascii\n9 3 2 0 0 1\n9 6 5 0 0 4\n",
			""},
		{"organized", strings.Replace(strings.Replace(pcdPoints, "WIDTH 2", "WIDTH 1", 1), "HEIGHT 1", "HEIGHT 2", 1) +
			"DATA ascii\n1 2 3\n4 5 6\n", ""},
		{"nothing", "", "no PCD header"},
		{"no DATA", pcdPoints, "no PCD header with a DATA line"},
		{"DATA without value", pcdPoints + "DATA\n", "no PCD header"},
		{"unknown storage", pcdPoints + "DATA zip\n", `DATA is "zip"`},
		{"no fields", "WIDTH 2\nDATA ascii\n", "0 FIELDS"},
		{"field without size", "FIELDS x y z\nSIZE 4 4\nTYPE F F F\nWIDTH 2\nDATA ascii\n",
			"3 FIELDS, but 2 SIZE, 3 TYPE and 3 COUNT"},
		{"size out of range", strings.Replace(pcdPoints, "SIZE 4 4 4", "SIZE 4 9 4", 1) + "DATA ascii\n",
			`field "y" has size "9"`},
		{"no z", strings.Replace(pcdPoints, "x y z", "x y w", 1) + "DATA ascii\n1 2 3\n4 5 6\n", "has no field z"},
		{"x twice", strings.Replace(pcdPoints, "x y z", "x x z", 1) + "DATA ascii\n1 2 3\n4 5 6\n",
			"field x must occur once"},
		{"integer x", strings.Replace(pcdPoints, "TYPE F", "TYPE I", 1) + "DATA ascii\n1 2 3\n4 5 6\n",
			"field x must occur once, with count 1, as a float"},
		{"no points", strings.NewReplacer("WIDTH 2", "WIDTH 0", "POINTS 2", "POINTS 0").Replace(pcdPoints) + "DATA ascii\n",
			"has no points"},
		{"two counts", strings.Replace(pcdPoints, "POINTS 2", "POINTS 3", 1) + "DATA ascii\n",
			"3 POINTS, but WIDTH 2 times HEIGHT 1"},
		{"negative", strings.Replace(pcdPoints, "WIDTH 2", "WIDTH -2", 1) + "DATA ascii\n", `WIDTH is "-2"`},
		{"a line short", pcdPoints + "DATA ascii\n1 2 3\n", "has 1 of the 2 points"},
		{"a line long", pcdPoints + "DATA ascii\n1 2 3\n4 5 6\n7 8 9\n", "more lines than the 2 points"},
		{"a number short", pcdPoints + "DATA ascii\n1 2 3\n4 5\n", "point 1 has 2 numbers, want 3"},
		{"no number", pcdPoints + "DATA ascii\n1 2 3\n4 x 6\n", `point 1: y is "x", want a number`},
		{"binary too short", pcdPoints + "DATA binary\n12345678901234567890123", "2 points need 24 bytes, has 23"},
		{"compressed too short", pcdPoints + "DATA binary_compressed\n1234",
			"ends before the sizes of its compressed points"},
		{"compressed beyond the end", pcdPoints + "DATA binary_compressed\n\x05\x00\x00\x00\x18\x00\x00\x00abc",
			"compressed size is 5 bytes, has 3"},
		{"compressed to another size", pcdPoints + "DATA binary_compressed\n\x01\x00\x00\x00\x17\x00\x00\x00a",
			"2 points need 24 bytes, but the sizes are 23 bytes, compressed 1"},
		{"a terabyte",
			strings.NewReplacer("WIDTH 2", "WIDTH 1000000000", "POINTS 2", "POINTS 1000000000").Replace(pcdPoints) +
				"DATA binary\n", "1000000000 points need 12000000000 bytes, has 0"},
	}
	for _, test := range tests {
		x, err := decodePCD(nil, []byte(test.file))
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: %v, want %q", test.name, err, test.wrong)
			}
			continue
		}
		if err != nil || len(x) != 6 {
			t.Errorf("%s: %v (%v)", test.name, x, err)
			continue
		}
		for i, v := range x {
			if v != float32(i+1) {
				t.Errorf("%s: %v, want 1 to 6", test.name, x)
			}
		}
	}
}

// TestPCDPrefixes checks that every prefix is refused, up to the last byte that carries information.
func TestPCDPrefixes(t *testing.T) {
	t.Parallel()
	for _, path := range pcdFiles(t) {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(file) {
			x, err := decodePCD(nil, file[:n])
			// The last number of a text may lose digits and still be a number.
			if err == nil && (!strings.Contains(path, "ascii") || n < len(file)-8) {
				t.Fatalf("%s: its first %d of %d bytes give %d values", path, n, len(file), len(x))
			}
		}
	}
}

func pcdFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/pcd/*/*/*.pcd")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d files (%v)", len(paths), err)
	}
	return paths
}

func FuzzPCD(f *testing.F) {
	for _, path := range pcdFiles(f) {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		x, err := decodePCD(nil, file)
		if err == nil && (len(x) == 0 || len(x)%3 != 0) {
			t.Errorf("%d values", len(x))
		}
	})
}
