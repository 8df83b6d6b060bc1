package datasets_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/memorytest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// readSome opens a data set of a format, which "" leaves to be found, and reads a few samples. What is wrong with it
// does not matter.
func readSome(t testing.TB, path, format string) {
	t.Helper()
	ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{Format: format})
	if err != nil {
		return
	}
	defer ds.Close()
	var s datasets.Sample
	for i := range min(ds.Len(), 3) {
		_ = ds.Read(t.Context(), &s, i)
	}
}

// Flipped bits of a small HDF5 file cost little memory. Four in its shape took up to 12 GB, or ended the process.
func TestFlippedBitsTakeLittleMemory(t *testing.T) {
	for _, source := range []string{"testdata/h5/contiguous.h5", "testdata/h5/chunked_gzip_shuffle.h5"} {
		checkFlippedBits(t, source, 17) // a part of the bits, another place in every byte
	}
	widest, err := os.ReadFile("testdata/h5/contiguous.h5")
	if err != nil {
		t.Fatal(err)
	}
	shape := []byte{6, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 3}
	at := bytes.Index(widest, shape) + 8
	if at < 8 {
		t.Fatal("the file has no shape [6 16 3]")
	}
	for bit := range 64 {
		checkFlippedBit(t, "contiguous.h5", widest, 8*at+bit)
	}
}

// The shared file, and the bits of its shape that ended the process.
func TestSharedFlippedBitsTakeLittleMemory(t *testing.T) {
	source := sharedtest.Path(t, "cases", "faults", "hdf5_width_bit", "a.h5")
	checkFlippedBits(t, source, 17)
	whole, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	for bit := 8 * 836; bit < 8*850; bit++ {
		checkFlippedBit(t, source, whole, bit)
	}
}

func checkFlippedBits(t *testing.T, source string, step int) {
	t.Helper()
	whole, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	for bit := 0; bit < 8*len(whole); bit += step {
		checkFlippedBit(t, source, whole, bit)
	}
}

// checkFlippedBit reads a file with one bit flipped.
func checkFlippedBit(t *testing.T, source string, whole []byte, bit int) {
	t.Helper()
	const limit = 16 << 20
	path := filepath.Join(t.TempDir(), "flipped.h5")
	flipped := bytes.Clone(whole)
	flipped[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, flipped, 0o666); err != nil {
		t.Fatal(err)
	}
	if taken := memorytest.Allocated(func() { readSome(t, path, "") }); taken > limit {
		t.Fatalf("%s: bit %d of byte %d flipped takes %d bytes", source, bit%8, bit/8, taken)
	}
}

// fuzzMemory reads arbitrary files of an extension: what they take is bounded by a few times what they can expand to.
func fuzzMemory(f *testing.F, extension, format string, seeds [][]byte) {
	f.Helper()
	// Text takes 24 bytes for a word of two; deflate expands a byte to 1,032, as float64 of which a copy is made.
	limit := memorytest.Limit{Fixed: 32 << 20, PerByte: 64}
	if extension == ".h5" || extension == ".npz" {
		limit.PerByte += 1032 * 8
	}
	memorytest.Fuzz(f, seeds, limit.Of, func(t *testing.T, file []byte) {
		path := filepath.Join(t.TempDir(), "file"+extension)
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		readSome(t, path, format)
	})
}

func FuzzMemoryHDF5(f *testing.F) {
	fuzzMemory(f, ".h5", "", memorytest.Files(f, "testdata/h5/*.h5"))
}

func FuzzMemoryNPZ(f *testing.F) {
	fuzzMemory(f, ".npz", "", memorytest.Files(f, "testdata/npz/*.npz"))
}

func FuzzMemoryXYZ(f *testing.F) {
	fuzzMemory(f, ".csv", "", memorytest.Files(f, "testdata/xyz/*/*/*"))
}

func FuzzMemoryPCD(f *testing.F) {
	fuzzMemory(f, ".pcd", "", memorytest.Files(f, "testdata/pcd/*/*/*.pcd"))
}

func FuzzMemoryPLY(f *testing.F) {
	fuzzMemory(f, ".ply", "", memorytest.Files(f, "testdata/ply/*/*.ply"))
}

func FuzzMemoryOFF(f *testing.F) {
	fuzzMemory(f, ".off", "", memorytest.Files(f, "testdata/off/*/*/*.off"))
}

func FuzzMemoryOBJ(f *testing.F) {
	fuzzMemory(f, ".obj", "", memorytest.Files(f, "testdata/obj/*/*.obj"))
}

func FuzzMemoryPickle(f *testing.F) {
	fuzzMemory(f, ".pkl", "", memorytest.Files(f, "testdata/pickle/*"))
}

func FuzzMemoryNPY(f *testing.F) {
	fuzzMemory(f, ".npy", "", memorytest.Files(f, "testdata/modelnet40_c/*.npy"))
}

func FuzzMemoryKITTI(f *testing.F) {
	fuzzMemory(f, ".bin", "kitti", [][]byte{scan(wantCloud(0, 4))})
}

func FuzzMemoryNPYCloud(f *testing.F) {
	limit := memorytest.Limit{Fixed: 1 << 20, PerByte: 64}
	memorytest.Fuzz(f, [][]byte{npyCloud(wantCloud(0, 4))}, limit.Of, func(_ *testing.T, file []byte) {
		_, _ = datasets.DecodeNPYCloud(file)
	})
}

// fuzzPicture reads arbitrary pictures of a kind, which are scaled and cut: what they take is bounded by their pixels, as
// decoded and as scaled. Those of more than a few million are left out: they are supported, and take a second each.
func fuzzPicture(f *testing.F, seeds ...string) {
	f.Helper()
	const resize, crop = 24, 16
	limit := func(file []byte) int64 {
		return 32<<20 + 64*(int64(len(file))+datasets.SupportedPixels(file, resize))
	}
	memorytest.Fuzz(f, memorytest.Files(f, seeds...), limit, func(t *testing.T, file []byte) {
		if datasets.SupportedPixels(file, resize) > 1<<22 {
			t.SkipNow()
		}
		_ = datasets.DecodePicture(file, resize, crop)
	})
}

func FuzzMemoryPNG(f *testing.F) {
	fuzzPicture(f, "testdata/pictures/*.png", "testdata/images/*/*/*.png")
}
func FuzzMemoryJPEG(f *testing.F) { fuzzPicture(f, "testdata/pictures/*.jpg", "testdata/jpeg/*.jpg") }
func FuzzMemoryBMP(f *testing.F)  { fuzzPicture(f, "testdata/pictures/*.bmp") }
func FuzzMemoryGIF(f *testing.F)  { fuzzPicture(f, "testdata/pictures/*.gif") }
func FuzzMemoryTIFF(f *testing.F) { fuzzPicture(f, "testdata/pictures/*.tif*") }
func FuzzMemoryWebP(f *testing.F) { fuzzPicture(f, "testdata/pictures/*.webp") }
func FuzzMemoryPNM(f *testing.F)  { fuzzPicture(f, "testdata/pictures/*.p?m") }
