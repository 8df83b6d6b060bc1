package datasets

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// TestHDF5Eviction alternates between two files with a cache that holds one slab.
func TestHDF5Eviction(t *testing.T) {
	t.Parallel()
	ds, err := openHDF5(t.Context(), "testdata/modelnet", OpenOptions{Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	defer ds.Close()
	var want, got Sample
	if err := ds.Read(t.Context(), &want, 0); err != nil {
		t.Fatal(err)
	}
	set := ds.(*hdf5Set)
	set.cacheSize = 1
	for _, i := range []int{4, 0, 3, 1, 4, 0} {
		if err := ds.Read(t.Context(), &got, i); err != nil {
			t.Fatal(err)
		}
		if len(set.slabs) != 1 || len(set.recent) != 1 {
			t.Fatalf("%d slabs are in memory, want 1", len(set.slabs))
		}
	}
	if !slices.Equal(got.X, want.X) {
		t.Error("a file that was dropped and read again has other values")
	}
}

// However h5py lays data out, and through links, samples are the same.
func TestHDF5Layouts(t *testing.T) {
	t.Parallel()
	open := func(path string) Dataset {
		ds, err := openHDF5(t.Context(), path, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ds.Close() })
		return ds
	}
	plain := open("testdata/h5/contiguous.h5")
	paths, err := filepath.Glob("testdata/h5/latest*.h5")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, path := range append(paths, "testdata/h5/half.h5", "testdata/h5/soft.h5", "testdata/h5/soft_latest.h5") {
		ds := open(path)
		for i := range plain.Len() {
			var got, want Sample
			if err := errors.Join(ds.Read(t.Context(), &got, i), plain.Read(t.Context(), &want, i)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.X, want.X) || !slices.Equal(got.Shape, want.Shape) || got.Label != want.Label {
				t.Errorf("%s: sample %d differs", path, i)
			}
			compared++
		}
	}
	if compared < 14*plain.Len() {
		t.Errorf("%d samples were compared", compared)
	}
}
