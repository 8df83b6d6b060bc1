package datasets

import (
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
