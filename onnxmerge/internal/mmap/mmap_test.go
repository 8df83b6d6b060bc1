package mmap

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func create(t *testing.T, size int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, data
}

func openRange(t *testing.T, f *os.File, off, size int64) *Range {
	t.Helper()
	r, err := Open(f, off, size)
	if errors.Is(err, errors.ErrUnsupported) && runtime.GOOS == "windows" {
		t.Skip("no files in memory on this system")
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A range has the bytes of the file, wherever it begins.
func TestRange(t *testing.T) {
	t.Parallel()
	f, data := create(t, 100_000)
	for _, c := range []struct{ off, size int64 }{{0, 100_000}, {1, 1}, {4095, 2}, {4096, 10}, {50_001, 49_999}} {
		r := openRange(t, f, c.off, c.size)
		err := r.Use(func(got []byte) {
			if !bytes.Equal(got, data[c.off:c.off+c.size]) {
				t.Errorf("%d bytes from %d on differ", c.size, c.off)
			}
		})
		if err := errors.Join(err, r.Close()); err != nil {
			t.Error(err)
		}
	}
}

// A file that is made shorter while it is in use gives an error, as reading it would, and other panics stay what they are.
func TestShorterFile(t *testing.T) {
	t.Parallel()
	f, data := create(t, 100_000)
	r := openRange(t, f, 0, 100_000)
	if err := f.Truncate(5_000); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		same := false
		if err := r.Use(func(got []byte) { same = bytes.Equal(got[50_000:], data[50_000:]) }); !errors.Is(err, errFault) || same {
			t.Errorf("error %v (equal is %v), want one of the file", err, same)
		}
	}
	same := false
	if err := r.Use(func(got []byte) { same = bytes.Equal(got[:5_000], data[:5_000]) }); err != nil || !same {
		t.Errorf("error %v (equal is %v) of what the file still has", err, same)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an index out of range is taken for a fault of the file")
			}
		}()
		beyond := len(data)
		_ = r.Use(func(got []byte) { _ = got[beyond] })
	}()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
