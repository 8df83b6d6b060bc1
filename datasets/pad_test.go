package datasets_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// ragged has clouds of 5, 40 and 300 points.
func ragged(t *testing.T) datasets.Dataset {
	t.Helper()
	var samples []datasets.Sample
	for label, n := range []int{5, 40, 300} {
		s := datasets.Sample{Shape: []int{n, 3}, Label: int64(label)}
		for i := range 3 * n {
			s.X = append(s.X, float32(1000*label+i))
		}
		samples = append(samples, s)
	}
	ds, err := datasets.NewMemory(datasets.Info{Name: "ragged", Format: "memory"}, samples)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// TestPadClouds fills clouds up with their own points: the cloud first, each point drawn about equally often, and by
// the seed alone.
func TestPadClouds(t *testing.T) {
	t.Parallel()
	pad := func(points int, seed uint64) datasets.Dataset {
		ds, err := datasets.PadClouds(t.Context(), ragged(t), points, seed)
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	datasettest.Run(t, func(*testing.T) datasets.Dataset { return pad(64, 0) })
	ds, other, large := pad(64, 0), pad(64, 1), pad(5005, 0)
	for i := range ds.Len() {
		from, got := read(t, ragged(t), i), read(t, ds, i)
		if n := max(64, len(from.X)/3); got.Shape[0] != n || len(got.X) != 3*n || got.Label != from.Label {
			t.Fatalf("sample %d: shape %v with %d values", i, got.Shape, len(got.X))
		}
		if !slices.Equal(got.X[:len(from.X)], from.X) {
			t.Errorf("sample %d does not begin with its points", i)
		}
		if same := slices.Equal(got.X, read(t, other, i).X); same != (i == 2) {
			t.Errorf("sample %d: another seed gives equal points: %v", i, same)
		}
	}
	counts := map[float32]int{}
	x := read(t, large, 0).X
	for k := 0; k < len(x); k += 3 {
		if x[k+1] != x[k]+1 || x[k+2] != x[k]+2 {
			t.Fatalf("point %v is none of the cloud", x[k:k+3])
		}
		counts[x[k]]++
	}
	for at, n := range counts { // 1,000 each, standard deviation 28
		if n < 860 || n > 1140 {
			t.Errorf("the point at %v occurs %d times of 5,005, want 1,001", at, n)
		}
	}
	if lines := ds.Info().History; len(lines) != 1 || !strings.Contains(lines[0], "2 of 3 samples to 64 points") {
		t.Errorf("history %q", lines)
	}
	if base := ragged(t); pad(5, 0).Info().History != nil || base.Info().History != nil {
		t.Error("clouds that are large enough are changed")
	}
	images := open(t, "testdata/images", "test")
	if _, err := datasets.PadClouds(t.Context(), images, 64, 0); err == nil || !contains(err, "only clouds") {
		t.Errorf("images: %v", err)
	}
}
