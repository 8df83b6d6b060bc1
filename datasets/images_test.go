package datasets_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

func openImages(t *testing.T, split string, resize, crop int) datasets.Dataset {
	t.Helper()
	ds, err := datasets.Open(t.Context(), "testdata/images",
		datasets.OpenOptions{Split: split, Resize: resize, Crop: crop})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ds.Close() })
	return ds
}

// TestImages reads the gradients of testdata/make_files.py: red is 40 a column, green 60 a
// row, blue 128.
func TestImages(t *testing.T) {
	t.Parallel()
	for _, split := range []string{"train", "test"} {
		datasettest.Run(t, func(t *testing.T) datasets.Dataset { return openImages(t, split, 0, 0) })
		ds := openImages(t, split, 0, 0)
		s := read(t, ds, 0)
		if !slices.Equal(s.Shape, []int{3, 4, 6}) || s.Label != 0 ||
			!slices.Equal(ds.Info().Classes, []string{"cat", "dog"}) {
			t.Fatalf("shape %v, label %d, %+v", s.Shape, s.Label, ds.Info())
		}
		for i := range 24 {
			want := [3]int{i % 6 * 40, i / 6 * 60, 128}
			for channel, v := range want {
				if got := s.X[channel*24+i]; got != float32(v)/255 {
					t.Errorf("%s: pixel %d, channel %d is %v, want %d/255", split, i, channel, got, v)
				}
			}
		}
	}
	// The JPEG repeats every pixel eight times along both axes; scaled down by eight, it is the same image.
	s := read(t, openImages(t, "test", 4, 0), 1)
	if !slices.Equal(s.Shape, []int{3, 4, 6}) || s.Label != 1 {
		t.Fatalf("shape %v, label %d", s.Shape, s.Label)
	}
	for i := range 24 {
		// Scaling smooths steps by a quarter at most, and JPEG adds a few levels.
		if got, want := s.X[i]*255, float64(i%6*40); math.Abs(float64(got)-want) > 14 {
			t.Errorf("red of pixel %d is %v, want about %v", i, got, want)
		}
	}
}

func TestCropImages(t *testing.T) {
	t.Parallel()
	ds := openImages(t, "train", 0, 2)
	s := read(t, ds, 0)
	if !slices.Equal(s.Shape, []int{3, 2, 2}) || len(ds.Info().History) != 1 {
		t.Fatalf("shape %v, %v", s.Shape, ds.Info().History)
	}
	if want := []float32{80. / 255, 120. / 255, 80. / 255, 120. / 255}; !slices.Equal(s.X[:4], want) {
		t.Errorf("red is %v, want that of columns 2 and 3, %v", s.X[:4], want)
	}
	normal, err := datasets.Apply(ds, datasets.Preprocess{Normalize: "imagenet"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, normal, 0).X[0], (float32(80.)/255-0.485)/0.229; got != want {
		t.Errorf("normalised red is %v, want %v", got, want)
	}
	if err := openImages(t, "train", 0, 5).Read(t.Context(), &s, 0); err == nil ||
		!contains(err, "image has 6 x 4 pixels, but the crop needs 5 x 5") {
		t.Errorf("a crop that is too large gives %v", err)
	}
}

func TestBadImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var good bytes.Buffer
	if err := png.Encode(&good, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	// A header with 2^20 x 2^20 pixels and a valid checksum.
	huge := slices.Clone(good.Bytes())
	binary.BigEndian.PutUint32(huge[16:], 1<<20)
	binary.BigEndian.PutUint32(huge[20:], 1<<20)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"huge.png": {huge, "image has 1048576 x 1048576 pixels in"},
		"cut.png":  {good.Bytes()[:good.Len()-20], "image data cannot be decoded"},
		"head.png": {good.Bytes()[:20], "image header cannot be decoded"},
		"head.jpg": {[]byte("\xff\xd8\xff\xe0"), "image header cannot be decoded"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, test.file, 0o666); err != nil {
			t.Fatal(err)
		}
		checkMalformed(t, path, "", test.want)
	}
}
