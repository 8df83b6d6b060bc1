package datasets_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// TestMeshes samples boxes of 2 x 4 x 6 about the origin, as trimesh wrote them and by
// hand: all points lie on the surface, and as many on each side as its area says.
func TestMeshes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		format, path, split string
		n                   int
	}{
		{"off", "testdata/off", "test", 2},
		{"obj", "testdata/obj", "", 2},
		{"off", "testdata/off/chair/test/a_trimesh.off", "", 1},
	} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			openWith := func(opt datasets.OpenOptions) datasets.Dataset {
				opt.Split = test.split
				ds, err := datasets.Open(t.Context(), test.path, opt)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { ds.Close() })
				return ds
			}
			datasettest.Run(t, func(*testing.T) datasets.Dataset { return openWith(datasets.OpenOptions{}) })
			ds := openWith(datasets.OpenOptions{Points: 20_000, Seed: 1})
			if info := ds.Info(); info.Format != test.format || ds.Len() != test.n || len(info.History) != 1 {
				t.Errorf("%d samples, %+v", ds.Len(), info)
			}
			for i := range ds.Len() {
				checkBox(t, read(t, ds, i))
			}
			if got := read(t, openWith(datasets.OpenOptions{}), 0).Shape[0]; got != 1024 {
				t.Errorf("%d points unless asked for, want 1024", got)
			}
			again := openWith(datasets.OpenOptions{Points: 20_000, Seed: 1})
			if !slices.Equal(read(t, again, 0).X, read(t, ds, 0).X) {
				t.Error("one seed gives two clouds")
			}
			other := openWith(datasets.OpenOptions{Points: 20_000, Seed: 2})
			if slices.Equal(read(t, other, 0).X, read(t, ds, 0).X) {
				t.Error("two seeds give one cloud")
			}
			a, _ := again.Hash(t.Context())
			b, _ := other.Hash(t.Context())
			if a == b {
				t.Error("two seeds have one hash")
			}
		})
	}
}

// TestTriangleIsUniform samples one triangle: the mean is its centroid.
func TestTriangleIsUniform(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "triangle.off")
	if err := os.WriteFile(path, []byte("OFF\n3 1 0\n0 0 0\n3 0 0\n0 3 0\n3 0 1 2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{Points: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	defer ds.Close()
	var mean [2]float64
	s := read(t, ds, 0)
	for k := 0; k < len(s.X); k += 3 {
		mean[0] += float64(s.X[k]) / 20_000
		mean[1] += float64(s.X[k+1]) / 20_000
	}
	// A coordinate's deviation is 0.71: five standard errors are 0.025.
	if math.Abs(mean[0]-1) > 0.025 || math.Abs(mean[1]-1) > 0.025 {
		t.Errorf("the mean is %v, want 1 and 1", mean)
	}
}

func checkBox(t *testing.T, s datasets.Sample) {
	t.Helper()
	var onSide [3]int
	for k := 0; k < len(s.X); k += 3 {
		sides := 0
		for axis, half := range []float32{1, 2, 3} {
			v := float32(math.Abs(float64(s.X[k+axis])))
			if v > half+1e-5 {
				t.Fatalf("point %v lies outside the box", s.X[k:k+3])
			}
			if v > half-1e-5 {
				onSide[axis]++
				sides++
			}
		}
		if sides == 0 {
			t.Fatalf("point %v lies inside the box", s.X[k:k+3])
		}
	}
	// Areas 24, 12 and 8 of 44, doubled; five standard errors of 20,000 draws are 0.018.
	for axis, area := range []float64{24, 12, 8} {
		if share := float64(onSide[axis]) / float64(len(s.X)/3); math.Abs(share-area/44) > 0.018 {
			t.Errorf("axis %d: %.3f of the points, want %.3f", axis, share, area/44)
		}
	}
}

// TestBadFiles reads files that hold one cloud or mesh each and are wrong in one way each.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	const xyz = "property float x\nproperty float y\nproperty float z\nend_header\n"
	const ply = "ply\nformat ascii 1.0\nelement vertex 2\n" + xyz
	const binary = "ply\nformat binary_little_endian 1.0\nelement vertex 2\n" + xyz
	tests := []struct{ name, text, want string }{
		{"few.ply", ply + "0 0 0\n", "has 1 of 2 items of element vertex"},
		{"word.ply", ply + "0 0 0\n0 zero 0\n", `vertex 1: y is "zero", want a number`},
		{"short.ply", ply + "0 0 0\n0 0\n", "vertex 1 has no property z"},
		{"long.ply", ply + "0 0 0 0\n0 0 0\n", "vertex 0 has 1 numbers too many"},
		{"nan.ply", ply + "0 0 0\n0 nan 0\n", "sample 0: point 1 is not finite (NaN)"},
		{"cut.ply", binary + "0123456789abcdef", "has 1 of 2 items of element vertex"},
		{"terabyte.ply", "ply\nformat binary_big_endian 1.0\nelement vertex 1099511627776\n" + xyz,
			"has 0 of 1099511627776 items"},
		{"list.ply", "ply\nformat binary_little_endian 1.0\nelement face 1\nproperty list uint int v\n" +
			"element vertex 1\n" + xyz + "\xff\xff\xff\xff",
			"list v needs 4.294967295e+09 numbers, has 0 bytes"},
		{"nox.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float y\nend_header\n0\n",
			"element vertex has no property x"},
		{"novertex.ply", "ply\nformat ascii 1.0\nelement face 0\nend_header\n", "has no element vertex"},
		{"none.ply", "ply\nformat ascii 1.0\nelement vertex 0\nend_header\n", "has no points"},
		{"type.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n",
			`header line 4: property "half x" is malformed or has an unknown type`},
		{"format.ply", "ply\nformat zip 1.0\nend_header\n", `header line 2: format is "zip"`},
		{"noformat.ply", "ply\nelement vertex 1\nproperty float x\nend_header\n", "has no format line"},
		{"noend.ply", "ply\nformat ascii 1.0\n", "has no PLY header that ends in end_header"},
		{"count.off", "OFF\n99999999 1 0\n0 0 0\n", `coordinate of vertex 1 of 99999999 is ""`},
		{"corner.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "a face has vertex index 3, but there are 3 vertices"},
		{"corners.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n2 0 1\n", "face 0: a face has 2 corners, want 3 or more"},
		{"many.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n99999999 0 1\n", "face 0 has 99999999 corners"},
		{"flat.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n", "mesh has area 0"},
		{"faces.off", "OFF\n3 0 0\n0 0 0\n1 0 0\n2 0 0\n", "mesh has area 0"},
		{"kind.off", "OFF\n-3 0 0\n", `the number of vertices is "-3"`},
		{"zero.obj", "v 0 0 0\nf 0 1 2\n", `line 2: corner "0" is not a vertex index`},
		{"beyond.obj", "v 0 0 0\nv 0 0 1\nf -1 -2 -3\n", "line 3: a face has vertex index -1, but there are 2 vertices"},
		{"vertex.obj", "v 0 0\n", "line 1: a vertex has 2 numbers, want 3"},
		{"columns.xyz", string(slices.Repeat([]byte("1 2 3\n"), 200)) + "0 0 0 1\n", "line 201: has 4 numbers, want 3"},
		{"two.xyz", "0 0\n0 0\n", "is not a data set of a supported format"},
		{"letters.csv", "x,y,z\n1,2,three\n", "is not a data set of a supported format"},
		{"later.csv", "x,y,z\n" + string(slices.Repeat([]byte("1,2,3\n"), 200)) + "1,2,three\n",
			`line 202: z is "three", want a number`},
	}
	dir := t.TempDir()
	for _, test := range tests {
		path := filepath.Join(dir, test.name)
		if err := os.WriteFile(path, []byte(test.text), 0o666); err != nil {
			t.Fatal(err)
		}
		checkMalformed(t, path, "", test.want)
	}
}

// TestPrefixes reads every prefix of a valid file of each format: none may cause a panic.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"testdata/ply/chair/a_ascii.ply", "testdata/ply/chair/b_little.ply", "testdata/ply/desk/c_big.ply",
		"testdata/off/desk/test/b_glued.off", "testdata/obj/desk/b_backwards.obj", "testdata/xyz/test/desk/b.csv",
		"testdata/pcd_open3d/chair/c_compressed.pcd",
	} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for n := range len(whole) {
			if datasets.DecodeFile(filepath.Ext(path), whole[:n]) != nil {
				refused++
			}
		}
		if err := datasets.DecodeFile(filepath.Ext(path), whole); err != nil || refused < len(whole)/4 {
			t.Errorf("%s: %d of %d prefixes are refused, the whole gives %v", path, refused, len(whole), err)
		}
	}
}
