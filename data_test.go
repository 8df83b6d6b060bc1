package wiseft

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
)

// Closing prepared data closes the files that it is read from.
func TestPreparedDataIsClosed(t *testing.T) {
	t.Parallel()
	ds, err := OpenData(t.Context(), Data{Path: "test.npz", Points: 4})
	if err != nil {
		t.Fatal(err)
	}
	var s datasets.Sample
	if err := ds.Read(t.Context(), &s, 0); err != nil {
		t.Fatal(err)
	}
	if err := ds.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ds.Read(t.Context(), &s, 0); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

// Samples that are there twice are counted, and named once for each kind.
func TestRepeatedSamples(t *testing.T) {
	t.Parallel()
	var samples []datasets.Sample
	for i, label := range []int64{0, 0, 0, 1} {
		s := datasets.Sample{X: []float32{1, 2, 3}, Shape: []int{1, 3}, Label: label}
		if i == 0 {
			s.X = []float32{4, 5, 6}
		}
		samples = append(samples, s)
	}
	set, err := datasets.NewMemory(datasets.Info{Name: "memory"}, samples)
	if err != nil {
		t.Fatal(err)
	}
	r, err := DescribeData(t.Context(), Data{Set: set}, Monitor{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Repeated != 2 || len(r.Warnings) != 2 || !strings.Contains(r.Warnings[1], "samples 1 (label 0) and 3 (label 1)") {
		t.Errorf("%d repeated: %q", r.Repeated, r.Warnings)
	}
}

// TestInterpolation checks that images are scaled by the named filter, which is recorded, and that other names are refused.
func TestInterpolation(t *testing.T) {
	images := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "datasets", "testdata", "images")
	hashes := map[string]string{}
	for _, name := range []string{"", "bilinear", "bicubic"} {
		ds, err := OpenData(t.Context(), Data{Path: images, Split: "test", Resize: 3, Interpolation: name})
		if err != nil {
			t.Fatal(err)
		}
		defer ds.Close()
		if hashes[name], err = ds.Hash(t.Context()); err != nil {
			t.Fatal(err)
		}
		if history := strings.Join(ds.Info().History, "; "); !strings.Contains(history, "3 pixels, "+cmp.Or(name, "bilinear")) {
			t.Errorf("%q: recorded %q", name, history)
		}
	}
	if hashes[""] != hashes["bilinear"] || hashes[""] == hashes["bicubic"] {
		t.Errorf("hashes %q", hashes)
	}
	for want, d := range map[string]Data{
		"want bicubic or bilinear":  {Path: images, Resize: 3, Interpolation: "lanczos"},
		"--resize scales, which is": {Path: images, Interpolation: "bicubic"},
	} {
		if _, err := OpenData(t.Context(), d); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
