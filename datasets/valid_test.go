package datasets_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// HDF5 behind a user block, as MATLAB writes it.
func TestHDF5UserBlock(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile("testdata/h5/chunked_gzip_shuffle.h5")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{512, 2048} {
		path := filepath.Join(t.TempDir(), "user.h5")
		if err := os.WriteFile(path, append(make([]byte, size), whole...), 0o666); err != nil {
			t.Fatal(err)
		}
		ds := open(t, path, "")
		if x := wantCloud(2, testPoints); !slices.Equal(read(t, ds, 2).X, x) {
			t.Errorf("behind %d bytes: another cloud", size)
		}
	}
}

// Labels beyond int64 are refused; they became class -1.
func TestLabelsBeyondInt64(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	header := "{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }\n"
	b.WriteString("\x93NUMPY\x01\x00" + string(rune(len(header))) + "\x00" + header + strings.Repeat("\xff", 8))
	rows, err := npy.OpenArray(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = rows.Int64s()
	if err == nil || !strings.Contains(err.Error(), "value 0 is 18446744073709551615, beyond") {
		t.Errorf("error %v", err)
	}
}

// Meshes whose vertices have colours and normals, and whose words are separated by tabs.
func TestMeshVariants(t *testing.T) {
	t.Parallel()
	for extension, text := range map[string][]string{
		".off": {
			"COFF\n3 1 0\n0 0 0 255 0 0 255\n1 0 0 255 0 0 255\n0 1 0 0 0 255 255\n3 0 1 2\n",
			"NOFF\n3 1 0\n0 0 0 0 0 1\n1 0 0 0 0 1\n0 1 0 0 0 1\n3 0 1 2\n",
			"STCNOFF 3 1 0\n0 0 0 0 0 1 9 9\n1 0 0 0 0 1 9 9\n0 1 0 0 0 1 9 9\n3 0 1 2 255 0 0\n",
		},
		".obj": {"v\t0\t0\t0\nv\t1\t0\t0\nv\t0\t1\t0\nf\t1\t2\t3\n"},
	} {
		for _, text := range text {
			path := filepath.Join(t.TempDir(), "mesh"+extension)
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{Points: 50})
			if err != nil {
				t.Error(err)
				continue
			}
			s := read(t, ds, 0)
			for i := 0; i < len(s.X); i += 3 {
				if s.X[i] < 0 || s.X[i+1] < 0 || s.X[i]+s.X[i+1] > 1.0001 || s.X[i+2] != 0 {
					t.Fatalf("%q: point %v lies beside the triangle", text, s.X[i:i+3])
				}
			}
			ds.Close()
		}
	}
}

// Shared files that are valid and were refused.
func TestSharedValidFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hdf5_float_labels/f.h5", "hdf5_userblock/u.h5", "npy_fortran/data.npy"} {
		path := sharedtest.Path(t, "cases", "files", filepath.FromSlash(name))
		ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		if s := read(t, ds, 0); ds.Len() < 2 || s.Label < 0 || len(s.X) == 0 {
			t.Errorf("%s: %d samples, %v", name, ds.Len(), s)
		}
		ds.Close()
	}
}
