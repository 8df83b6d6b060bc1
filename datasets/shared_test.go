package datasets_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// valueHash is the SHA-256 of all float32 values of a data set, in order.
func valueHash(t testing.TB, ds datasets.Dataset) string {
	t.Helper()
	h := sha256.New()
	var b []byte
	for i := range ds.Len() {
		b = b[:0]
		for _, v := range read(t, ds, i).X {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestModelNet10 reads real data in both formats. The hashes of the values were
// computed with h5py: sha256(data.astype("<f4").tobytes()) over the listed files.
func TestModelNet10(t *testing.T) {
	t.Parallel()
	dir := sharedtest.Path(t, "data", "modelnet10")
	classes := []string{"bathtub", "bed", "chair", "desk", "dresser", "monitor", "night_stand", "sofa", "table", "toilet"}
	train := []int{106, 515, 889, 200, 200, 465, 200, 680, 392, 344}
	test := []int{50, 100, 100, 86, 86, 100, 86, 100, 100, 100}
	for _, want := range []struct {
		folder, format, split, values string
		counts                        []int
	}{
		{"hdf5", "hdf5", "train", "13b214cd65f3b5ca22535c43a8f8040952f6db8b3a71022148d9196345922d83", train},
		{"hdf5", "hdf5", "test", "3854e5cb64f15cb5776783d2482159ed25dc87bd79e9d3242944bded7263aac4", test},
		{"pcd", "pcd", "test", "", test},
	} {
		t.Run(want.folder+" "+want.split, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, want.folder)
			if want.split == "test" { // the suite decodes the data eight times
				datasettest.Run(t, func(t *testing.T) datasets.Dataset { return open(t, path, want.split) })
			}
			ds := open(t, path, want.split)
			if info := ds.Info(); info.Format != want.format || !slices.Equal(info.Classes, classes) {
				t.Errorf("Info is %+v", info)
			}
			counts := make([]int, len(classes))
			for i := range ds.Len() {
				counts[ds.Label(i)]++
			}
			if !slices.Equal(counts, want.counts) {
				t.Errorf("class counts %v, want %v", counts, want.counts)
			}
			mem, err := datasets.InMemory(t.Context(), ds, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s := read(t, mem, ds.Len()-1); !slices.Equal(s.Shape, []int{1024, 3}) {
				t.Errorf("shape %v, want [1024 3]", s.Shape)
			}
			if want.values != "" && valueHash(t, mem) != want.values {
				t.Errorf("values hash to %s, want %s", valueHash(t, mem), want.values)
			}
		})
	}
}

// BenchmarkInMemory reads the 3,991 clouds of ModelNet10's training half.
func BenchmarkInMemory(b *testing.B) {
	path := sharedtest.Path(b, "data", "modelnet10", "hdf5")
	b.ReportAllocs()
	for b.Loop() {
		ds := open(b, path, "train")
		if _, err := datasets.InMemory(b.Context(), ds, nil); err != nil {
			b.Fatal(err)
		}
	}
}
