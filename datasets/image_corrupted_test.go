package datasets_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

func init() {
	addFormatTest(formatTest{format: "cifar-c", path: "testdata/cifar-c", split: "brightness_3", labels: []int64{1, 0}})
	addFormatTest(formatTest{format: "imagenet-c", path: "testdata/imagenet-c", split: "fog_2", labels: []int64{0, 1}})
}

// TestStackedImages compares the images of every severity with those of the script that made them.
func TestStackedImages(t *testing.T) {
	t.Parallel()
	for severity := 1; severity <= 5; severity++ {
		ds, err := datasets.Open(t.Context(), "testdata/cifar-c", datasets.OpenOptions{Split: "brightness_" + string(rune('0'+severity))})
		if err != nil {
			t.Fatal(err)
		}
		defer ds.Close()
		for k := range 2 {
			var s datasets.Sample
			if err := ds.Read(t.Context(), &s, k); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.Shape, []int{3, 3, 4}) {
				t.Fatalf("shape %v, want [3 3 4]", s.Shape)
			}
			for p := range 12 {
				for c := range 3 {
					want := float64((31*severity+7*k+3*p+c)%256) / 255
					if got := float64(s.X[c*12+p]); math.Abs(got-want) > 1e-7 {
						t.Fatalf("severity %d, image %d, pixel %d, channel %d: %g, want %g", severity, k, p, c, got, want)
					}
				}
			}
		}
	}
}

// TestImageNetCIsNotResized checks that images stay as they are whatever size is given, and the values of a severity.
func TestImageNetCIsNotResized(t *testing.T) {
	t.Parallel()
	ds, err := datasets.Open(t.Context(), "testdata/imagenet-c", datasets.OpenOptions{Split: "fog_2", Resize: 3, Crop: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer ds.Close()
	var s datasets.Sample
	if err := ds.Read(t.Context(), &s, 1); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Shape, []int{3, 5, 6}) || s.X[0] != 80./255 || s.X[30] != 100./255 {
		t.Errorf("shape %v, red %g, green %g; want [3 5 6], %g, %g", s.Shape, s.X[0], s.X[30], 80./255, 100./255)
	}
}

// TestCorruptedImageSplits checks what is said where a split does not exist.
func TestCorruptedImageSplits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, split, want string }{
		{"cifar-c", "", "a corruption and a severity"}, {"cifar-c", "brightness_6", "a corruption and a severity"},
		{"cifar-c", "fog_1", "has no file fog.npy"}, {"imagenet-c", "test", "a corruption and a severity"},
		{"imagenet-c", "fog_5", "has no folder fog"},
	} {
		_, err := datasets.Open(t.Context(), "testdata/"+test.path, datasets.OpenOptions{Split: test.split})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, split %q: got %v, want %q", test.path, test.split, err, test.want)
		}
	}
}
