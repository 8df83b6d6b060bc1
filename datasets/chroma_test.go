package datasets_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// JPEG files are read as libjpeg reads them, to 3 of 255 levels: its inverse transform and colour conversion round
// otherwise than the standard library's. Repeated colours differ by up to 100 at the edges of these pictures.
func TestJPEGAgreesWithLibjpeg(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/jpeg/*.jpg")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d files (%v)", len(paths), err)
	}
	for _, path := range paths {
		want, err := os.ReadFile(strings.TrimSuffix(path, ".jpg") + ".rgb")
		if err != nil {
			t.Fatal(err)
		}
		ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := read(t, ds, 0)
		ds.Close()
		if len(s.X) != len(want) {
			t.Fatalf("%s: %d values, want %d", path, len(s.X), len(want))
		}
		pixels, largest := len(want)/3, 0.0
		for i := range pixels {
			for channel := range 3 {
				got := 255 * float64(s.X[channel*pixels+i])
				largest = max(largest, math.Abs(got-float64(want[3*i+channel])))
			}
		}
		t.Logf("%s: differs by at most %.0f levels", path, largest)
		if largest > 3.5 {
			t.Errorf("%s: differs by up to %.0f levels", path, largest)
		}
	}
}
