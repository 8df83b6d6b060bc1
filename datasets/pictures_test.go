package datasets_test

import (
	"bytes"
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

// TestMalformedPictures refuses pictures that are cut off, or have no pixels, also where they are to be scaled.
func TestMalformedPictures(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"P6\n99999 99999\n255\n", "P5\n-1 2\n255\n\x00", "P5\n2 2\n0\n", "P5\n2 2\n70000\n", "P2\n2 1\n3\n1 9\n", "P3\n1 1\n3\n1 2",
		"P6\n2 2\n255\n123", "GIF89a", "BM", "RIFF\x00\x00\x00\x00WEBP", "II*\x00\xff\xff\xff\xff",
		"GIF89a\x00\x00\x03\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x00\x00\x03\x00\x00\x02\x02D\x01\x00;",
		"BM\x62\x00\x00\x00\x00\x00\x00\x00\x3e\x00\x00\x00\x28\x00\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01" +
			"\x00\x00\x00\x00\x00\x24\x00\x00\x00\xc4\x0e\x00\x00\xc4\x0e\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x00",
	} {
		if datasets.DecodeFile(".png", []byte(text)) == nil || datasets.DecodePicture([]byte(text), 24, 16) == nil {
			t.Errorf("%q is a picture", text)
		}
	}
}

// TestPictureClaims checks that what a small file claims is not allocated: an offset in TIFF, a frame of WebP that is
// larger than its canvas or than the file, and a line of pixels that is scaled with its width.
func TestPictureClaims(t *testing.T) {
	lossy, lossless := memorytest.Files(t, "testdata/pictures/alpha_lossy.webp")[0], memorytest.Files(t, "testdata/pictures/exif3.webp")[0]
	edited := func(file []byte, mark string, off int, b ...byte) []byte {
		at := bytes.Index(file, []byte(mark))
		if at < 0 {
			t.Fatalf("no %s in the file", mark)
		}
		file = bytes.Clone(file)
		copy(file[at+len(mark)+off:], b)
		return file
	}
	long := edited(lossy, "VP8 ", 0, 0, 0, 0xff, 0) // 16 MB, also of the RIFF file
	long = edited(long, "RIFF", 0, 0, 0, 0xff, 0x7f)
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"offset":         {[]byte("II*\x00\x00\x00\x00\x80 and no directory at two gigabytes"), "header"},
		"lossy frame":    {edited(lossy, "\x9d\x01\x2a", 0, 0xff, 0x3f, 0xff, 0x3f), "frame of 16383 x 16383 pixels on a canvas of 13 x 9"},
		"lossless frame": {edited(lossless, "VP8L", 5, 0xff, 0xff, 0xff, 0x0f), "frame of 16384 x 16384 pixels on a canvas of 13 x 9"},
		"long frame":     {long, "frame of 16711680 bytes in a file"},
		"narrow":         {append([]byte("P5\n1 60000\n255\n"), make([]byte, 60000)...), "is to be scaled to 256 x 15360000"},
	} {
		var err error
		taken := memorytest.Allocated(func() { err = datasets.DecodePicture(test.file, 256, 224) })
		if err == nil || !strings.Contains(err.Error(), test.want) || taken > 1<<20 {
			t.Errorf("%s: took %d bytes for a file of %d, error %v", name, taken, len(test.file), err)
		}
	}
}
