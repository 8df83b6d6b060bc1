package datasets_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// scan returns a KITTI scan of a cloud.
func scan(x []float32) (file []byte) {
	for k := 0; k < len(x); k += 3 {
		for _, v := range append(slices.Clone(x[k:k+3]), 0.5) {
			file = binary.LittleEndian.AppendUint32(file, math.Float32bits(v))
		}
	}
	return file
}

// npyCloud returns an NPY file of a cloud, as numpy.save writes it.
func npyCloud(x []float32) []byte {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + itoa(len(x)/3) + ", 3), }"
	header += strings.Repeat(" ", 117-len(header)) + "\n"
	file := []byte("\x93NUMPY\x01\x00v\x00" + header)
	for _, v := range x {
		file = binary.LittleEndian.AppendUint32(file, math.Float32bits(v))
	}
	return file
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// writeFiles writes files by their paths below a new folder.
func writeFiles(t testing.TB, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, file := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestShapeNet55(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string][]byte{
		"ShapeNet-55/train.txt":      []byte("02691156-a.npy\n04256520-b.npy\r\n"),
		"ShapeNet-55/test.txt":       []byte("03001627-c.npy\n"),
		"shapenet_pc/02691156-a.npy": npyCloud(wantCloud(0, 16)), "shapenet_pc/04256520-b.npy": npyCloud(wantCloud(1, 9)),
		"shapenet_pc/03001627-c.npy": npyCloud(wantCloud(2, 16)),
	})
	datasettest.Run(t, func(t *testing.T) datasets.Dataset { return open(t, dir, "train") })
	ds := open(t, dir, "train")
	if y := datasets.Labels(ds); ds.Info().Format != "shapenet55" || !slices.Equal(y, []int64{0, 2}) || len(ds.Info().Classes) != 3 {
		t.Errorf("labels %v, %+v", y, ds.Info())
	}
	if s := read(t, ds, 1); !slices.Equal(s.X, wantCloud(1, 9)) {
		t.Errorf("another cloud: %v", s.X)
	}
	if y := datasets.Labels(open(t, dir, "test")); !slices.Equal(y, []int64{1}) {
		t.Errorf("test labels %v", y)
	}
	checkMalformed(t, dir, "", "has the splits test, train; choose one")
	bad := writeFiles(t, map[string][]byte{"ShapeNet-55/all.txt": []byte("../x-a.npy\n"), "shapenet_pc/x": nil})
	if err := openAndRead(t.Context(), bad, ""); err == nil || !contains(err, "is not <synset>-<model>.npy") {
		t.Errorf("a path in a list: %v", err)
	}
}

func TestKITTI(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string][]byte{"000000.bin": scan(wantCloud(0, 16)), "000001.bin": scan(wantCloud(1, 7)),
		"readme.txt": nil})
	opened := func(t *testing.T) datasets.Dataset {
		ds, err := datasets.Open(t.Context(), dir, datasets.OpenOptions{Format: "kitti"})
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	datasettest.Run(t, opened)
	ds := opened(t)
	if s := read(t, ds, 1); !slices.Equal(s.X, wantCloud(1, 7)) || s.Label != datasets.NoLabel || len(ds.Info().Notes) != 1 {
		t.Errorf("%v, %+v", s, ds.Info())
	}
	if err := openAndRead(t.Context(), dir, ""); err == nil {
		t.Error("scans without a header are guessed")
	}
	for _, file := range [][]byte{nil, make([]byte, 15)} {
		if datasets.DecodeFile(".bin", file) == nil {
			t.Errorf("a scan of %d bytes is read", len(file))
		}
	}
}

func FuzzKITTI(f *testing.F) {
	dir := writeFiles(f, map[string][]byte{"a.bin": scan(wantCloud(0, 4))})
	fuzz(f, ".bin", dir+"/*")
}

// FuzzNPYCloud decodes arbitrary NPY files as clouds: none may panic or give more points than bytes.
func FuzzNPYCloud(f *testing.F) {
	f.Add(npyCloud(wantCloud(0, 4)))
	f.Fuzz(func(t *testing.T, file []byte) {
		if x, err := datasets.DecodeNPYCloud(file); err == nil && len(x) > 3*len(file) {
			t.Errorf("%d values of %d bytes", len(x), len(file))
		}
	})
}
