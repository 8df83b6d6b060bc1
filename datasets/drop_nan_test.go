package datasets_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
)

// holed is a cloud of five points, two of which are NaN in a coordinate or in all, in every format of clouds that can
// hold them.
var holed = map[string]string{
	"a.pcd": "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 5\nHEIGHT 1\n" +
		"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 5\nDATA ascii\n1 2 3\nnan nan nan\n4 5 6\n7 nan 9\n8 8 8\n",
	"a.ply": "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n" +
		"end_header\n1 2 3\nnan nan nan\n4 5 6\n7 nan 9\n8 8 8\n",
	"a.xyz": "1 2 3\nnan nan nan\n4 5 6\n7 nan 9\n8 8 8\n",
	"b.xyz": "1,2,3\nNaN,NaN,NaN\n4,5,6\n7,NaN,9\n8,8,8\n",
	"c.xyz": "nan nan nan\n1 2 3\n4 5 6\n7 nan 9\n8 8 8\n",
	"a.npz": "", // made by writeHoledNPZ
}

func writeHoledNPZ(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	nan := float32(nan())
	rows := [][]float32{{1, 2, 3, nan, nan, nan, 4, 5, 6, 7, nan, 9, 8, 8, 8}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4}}
	w := npy.NewWriter(f)
	if err := w.Float32Rows("x", 2, []int{5, 3}, func(i int) ([]float32, error) { return rows[i], nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.Int64s("y", []int64{0, 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func nan() float64 { var zero float64; return zero / zero }

// Points that are NaN are refused, with the flag that leaves them out, and left out and counted with it.
func TestDropNaN(t *testing.T) {
	t.Parallel()
	for name, text := range holed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			if text == "" {
				writeHoledNPZ(t, path)
			} else if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer ds.Close()
			var s datasets.Sample
			err = ds.Read(t.Context(), &s, 0)
			if err == nil || !strings.Contains(err.Error(), "is not finite (NaN)") || !strings.Contains(err.Error(), path) ||
				!strings.Contains(fault.HintOf(err), "--drop-nan") || fault.KindOf(err) != fault.Input {
				t.Fatalf("without DropNaN: %v (%s)", err, fault.HintOf(err))
			}
			dropped, err := datasets.DropNaN(t.Context(), ds)
			if err != nil {
				t.Fatal(err)
			}
			if err := dropped.Read(t.Context(), &s, 0); err != nil {
				t.Fatal(err)
			}
			if want := []float32{1, 2, 3, 4, 5, 6, 8, 8, 8}; !slices.Equal(s.X, want) || !slices.Equal(s.Shape, []int{3, 3}) {
				t.Errorf("got %v of shape %v, want %v", s.X, s.Shape, want)
			}
			history := dropped.Info().History
			if len(history) == 0 || !strings.HasPrefix(history[len(history)-1], "NaN points dropped: 2, in 1 of ") {
				t.Errorf("history %q", history)
			}
			a, errA := ds.Hash(t.Context())
			b, errB := dropped.Hash(t.Context())
			if a == b || errA != nil || errB != nil {
				t.Errorf("hashes %s and %s (%v, %v)", a, b, errA, errB)
			}
		})
	}
}

// What DropNaN cannot mend is refused: a cloud of holes only, and infinite values. Data without holes stays as it is.
func TestDropNaNRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tt := range map[string]struct{ text, want string }{
		"holes.ply": {"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n" +
			"end_header\nnan nan nan\nnan 1 1\n", "sample 0: all of its 2 points are NaN"},
		"infinite.xyz": {"1 2 3\nnan nan nan\ninf 5 6\n", "is not finite"},
		"plain.xyz":    {"1 2 3\n4 5 6\n", ""},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer ds.Close()
		got, err := datasets.DropNaN(t.Context(), ds)
		switch {
		case tt.want == "" && (err != nil || got != ds):
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
