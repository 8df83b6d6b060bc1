package datasets_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/memorytest"
)

// maxAllocated bounds what reading a damaged file of a few KiB may allocate.
const maxAllocated = 32 << 20

// readAll opens a data set and reads its samples; errors are expected.
func readAll(ctx context.Context, path string) {
	set, err := datasets.Open(ctx, path, datasets.OpenOptions{})
	if err != nil {
		return
	}
	defer set.Close()
	var s datasets.Sample
	for i := range min(set.Len(), 50) {
		if set.Read(ctx, &s, i) != nil {
			return
		}
	}
}

// A file with one changed bit, or a cut one, takes no more memory than its size explains, in every format that is one
// file: a length field is checked before its bytes are allocated. Each is damaged in 40 ways, with
// WISEFT_CHAOS_STRIDE=1 in 400.
func TestDamagedFilesTakeLittleMemory(t *testing.T) {
	ways, tried := 40, 0
	if os.Getenv("WISEFT_CHAOS_STRIDE") == "1" {
		ways = 400
	}
	for _, pattern := range []string{
		"testdata/modelnet/*test0.h5", "testdata/scanobjectnn/test*.h5", "testdata/written.h5", "testdata/npz/f*.npz",
		"testdata/npz/compressed*.npz", "testdata/pickle/*", "testdata/modelnet40_c/*.npy",
		"testdata/ply/*/*.ply", "testdata/pcd/*/*/*.pcd", "testdata/off/*/*/*.off", "testdata/obj/*/*.obj",
		"testdata/pictures/rgb*.png", "testdata/pictures/*.webp", "testdata/pictures/*.gif", "testdata/pictures/*.ppm", "testdata/jpeg/*.jpg",
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths[:min(len(paths), 3)] {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, uint64(len(data))))
			damaged := filepath.Join(t.TempDir(), "class", filepath.Base(path))
			if err := os.Mkdir(filepath.Dir(damaged), 0o777); err != nil {
				t.Fatal(err)
			}
			for i := range ways {
				tried++
				at, bit := i*400/ways%len(data), rng.IntN(8)
				if len(data) > 1000 { // header fields come first in these formats
					at = int(float64(len(data)) * rng.Float64() * rng.Float64())
				}
				file := append([]byte(nil), data...)
				if file[at] ^= 1 << bit; i%10 == 0 {
					file = file[:at]
				}
				if err := os.WriteFile(damaged, file, 0o666); err != nil {
					t.Fatal(err)
				}
				// Pictures are read from the folders of their classes.
				read := func() { readAll(t.Context(), damaged); readAll(t.Context(), filepath.Dir(filepath.Dir(damaged))) }
				if n := memorytest.Allocated(read); n > maxAllocated {
					t.Fatalf("%s with bit %d of byte %d changed: %d MiB are allocated", path, bit, at, n>>20)
				}
			}
		}
	}
	t.Logf("%d damaged files", tried)
}

// A line without an end takes a few times the memory of the file, in every format that is text: that of reading it.
func TestLongLinesTakeLittleMemory(t *testing.T) {
	const numbers = 4 << 20
	line := strings.Repeat("1 ", numbers) + "\n"
	for name, head := range map[string]string{
		"a.xyz": "0 0 0\n", "a.obj": "v 0 0 0\nv ", "a.off": "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n",
		"a.ply": "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n",
		"a.pcd": "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\nHEIGHT 1\nPOINTS 1\nDATA ascii\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(head+line), 0o666); err != nil {
			t.Fatal(err)
		}
		if n := memorytest.Allocated(func() { readAll(t.Context(), path) }); n > 8*int64(len(line)) {
			t.Errorf("%s: %d MiB are allocated for a file of %d", name, n>>20, len(line)>>20)
		}
	}
}
