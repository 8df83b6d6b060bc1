package datasets_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// TestCorruptedSplits reads every file of a folder of corrupted data by its split.
func TestCorruptedSplits(t *testing.T) {
	t.Parallel()
	for path, corruption := range map[string]string{"testdata/modelnet_c": "dropout_global",
		"testdata/modelnet40_c": "cutout"} {
		for severity := 1; severity <= 5; severity++ {
			split := corruption + "_" + string(rune('0'+severity))
			datasettest.Run(t, func(t *testing.T) datasets.Dataset { return open(t, path, split) })
			ds := open(t, path, split)
			if info := ds.Info(); info.Split != split || info.SelfMade {
				t.Errorf("%s: %+v", split, info)
			}
			want := wantCloud(3, testPoints)[:3*(testPoints-severity)]
			if s := read(t, ds, 3); !slices.Equal(s.X, want) || s.Label != 0 {
				t.Errorf("%s %s: %d points, want %d", path, split, s.Shape[0], testPoints-severity)
			}
		}
		got, ok, err := datasets.CheckCorrupted(t.Context(), path)
		if err != nil || !ok || got.Files != 6 || got.N != 6 || got.SelfMade ||
			!slices.Equal(got.Corruptions, []string{corruption}) {
			t.Errorf("%s: %+v (%v)", path, got, err)
		}
	}
	if _, ok, err := datasets.CheckCorrupted(t.Context(), "testdata/modelnet"); ok || err != nil {
		t.Errorf("a folder of clean data counts as corrupted (%v)", err)
	}
}

func TestCorruptedRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, base string
		spoil      func(t *testing.T, dir string)
		want       string
	}{
		{"severity", "modelnet_c", remove("dropout_global_3.h5"), "has 4 of the 5 severities of dropout_global"},
		{"clean", "modelnet40_c", remove("data_original.npy"), "has no file data_original.npy with the clean clouds"},
		{"labels", "modelnet_c", replace("dropout_global_2.h5", "../h5/label_int64.h5", true),
			"dropout_global_2.h5: cloud 0 has label 1, but in clean.h5 it has 0"},
		{"count", "modelnet_c", replace("dropout_global_2.h5", "../modelnet/ply_data_test0.h5", false),
			"dropout_global_2.h5: has 1 clouds, but clean.h5 has 6"},
		{"self-made", "modelnet_c", func(t *testing.T, dir string) { write(t, dir, datasets.SuiteFile, "{}") }, ""},
		{"truncated", "modelnet40_c", func(t *testing.T, dir string) {
			write(t, dir, "data_cutout_1.npy", "\x93NUMPY\x01\x00")
		}, "data_cutout_1.npy: ends within its header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", test.base))); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, dir)
			got, _, err := datasets.CheckCorrupted(t.Context(), dir)
			if test.want == "" {
				if err != nil || !got.SelfMade || !open(t, dir, "").Info().SelfMade {
					t.Errorf("%+v (%v), want a self-made folder", got, err)
				}
				return
			}
			if err == nil || !contains(err, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// replace overwrites a file of the folder with another one; turned changes its first label.
func replace(name, with string, turned bool) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		b, err := os.ReadFile(filepath.Join("testdata/modelnet_c", with))
		if err != nil {
			t.Fatal(err)
		}
		if turned { // the six labels, int64, are the file's last 48 bytes
			b[len(b)-48] ^= 1
		}
		write(t, dir, name, string(b))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
