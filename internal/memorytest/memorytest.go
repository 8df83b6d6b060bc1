// Package memorytest measures in tests what reading a file takes, and fuzzes readers for files that take much. A length
// field of a damaged file must not be allocated before the bytes for it are known to be there.
package memorytest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Allocated returns the bytes that use allocates, whatever is freed in between, so that its peak is not above them. They
// include what other goroutines allocate meanwhile: tests that call it must not be parallel.
func Allocated(use func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	use()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// Limit bounds what reading a file may allocate: Fixed bytes, and PerByte more for each byte of the file.
type Limit struct{ Fixed, PerByte int64 }

// Of returns the limit for a file.
func (l Limit) Of(file []byte) int64 { return l.Fixed + l.PerByte*int64(len(file)) }

// Files returns the contents of the files that patterns match. Each must match at least one.
func Files(t testing.TB, patterns ...string) (files [][]byte) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%d files match %s (%v)", len(paths), pattern, err)
		}
		for _, path := range paths {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	return files
}

// Check fails if reading a file of size bytes allocates more than most.
func Check(t testing.TB, size int, most int64, read func()) {
	t.Helper()
	if taken := Allocated(read); taken > most {
		t.Fatalf("a file of %d bytes takes %d, at most %d are expected", size, taken, most)
	}
}

// Fuzz reads arbitrary files. It fails where that allocates more than limit returns for the file; what is wrong with the
// file does not matter.
func Fuzz(f *testing.F, seeds [][]byte, limit func(file []byte) int64, read func(t *testing.T, file []byte)) {
	f.Helper()
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, file := range seeds {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		Check(t, len(file), limit(file), func() { read(t, file) })
	})
}
