package datasets_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/memorytest"
)

const picturesFolder = "testdata/pictures"

// pictureCase is what Pillow reads from a file of scripts/files/pictures.py.
type pictureCase struct {
	File          string
	EXIF          bool
	Width, Height int
	Tolerance     int // levels of 255, where decoders of JPEG differ
	RGB           string
	Resize, Crop  int
	Interpolation string
}

// TestPictures compares every kind of picture with Pillow's convert("RGB"), level by level.
func TestPictures(t *testing.T) {
	t.Parallel()
	cases := readCases[pictureCase](t, filepath.Join(picturesFolder, "cases.json"))
	if len(cases) < 60 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.File, " ", c.EXIF, c.Resize, c.Crop, c.Interpolation), func(t *testing.T) {
			t.Parallel()
			ds, err := datasets.Open(t.Context(), filepath.Join(picturesFolder, c.File),
				datasets.OpenOptions{EXIF: c.EXIF, Resize: c.Resize, Crop: c.Crop, Interpolation: c.Interpolation})
			if err != nil {
				t.Fatal(err)
			}
			defer ds.Close()
			c.check(t, read(t, ds, 0))
		})
	}
}

func (c pictureCase) check(t *testing.T, s datasets.Sample) {
	t.Helper()
	want, err := hex.DecodeString(c.RGB)
	if err != nil || len(s.Shape) != 3 || s.Shape[1] != c.Height || s.Shape[2] != c.Width || len(s.X) != len(want) {
		t.Fatalf("shape %v, want [3 %d %d] (%v)", s.Shape, c.Height, c.Width, err)
	}
	size, wrong, most := c.Height*c.Width, 0, 0
	for i := range size {
		for k := range 3 {
			got := int(math.Round(float64(s.X[k*size+i]) * 255))
			if d := max(got-int(want[3*i+k]), int(want[3*i+k])-got); d > 0 {
				wrong, most = wrong+1, max(most, d)
			}
		}
	}
	if most > c.Tolerance {
		t.Errorf("%d of %d values differ, by up to %d levels", wrong, len(want), most)
	}
}

// TestTurnedPictures checks that pictures with an EXIF orientation are named once, and recorded, unless they are
// turned.
func TestTurnedPictures(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"exif1.png": "", "exif6.jpg": "orientation 6", "exif3.webp": "orientation 3", "exif8.png": "orientation 8",
		"turned.tif": "", "rgb8.png": "",
	} {
		for _, exif := range []bool{false, true} {
			var said []string
			ds, err := datasets.Open(t.Context(), filepath.Join(picturesFolder, file),
				datasets.OpenOptions{EXIF: exif, Note: func(line string) { said = append(said, line) }})
			if err != nil {
				t.Fatal(err)
			}
			defer ds.Close()
			for range 2 {
				if _, err := ds.Hash(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			isSaid := len(said) == 1 && strings.Contains(said[0], want)
			if wanted := want != "" && !exif; isSaid != wanted || !slices.Equal(said, ds.Info().Notes) {
				t.Errorf("%s, exif %v: said %q, recorded %q", file, exif, said, ds.Info().Notes)
			}
		}
	}
}

// TestMalformedPictures cuts pictures off: an error or a picture, and no panic.
func TestMalformedPictures(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"P6\n99999 99999\n255\n", "P5\n-1 2\n255\n\x00", "P5\n2 2\n0\n", "P5\n2 2\n70000\n", "P2\n2 1\n3\n1 9\n", "P3\n1 1\n3\n1 2",
		"P6\n2 2\n255\n123", "GIF89a", "BM", "RIFF\x00\x00\x00\x00WEBP", "II*\x00\xff\xff\xff\xff",
	} {
		if err := datasets.DecodeFile(".png", []byte(text)); err == nil {
			t.Errorf("%q is a picture", text)
		}
	}
}

// TestPictureClaims checks that an offset in a TIFF file is not allocated.
func TestPictureClaims(t *testing.T) {
	file := []byte("II*\x00\x00\x00\x00\x80 and no directory at two gigabytes")
	var err error
	if taken := memorytest.Allocated(func() { err = datasets.DecodeFile(".png", file) }); err == nil || taken > 1<<20 {
		t.Errorf("took %d bytes for a file of %d (%v)", taken, len(file), err)
	}
}
