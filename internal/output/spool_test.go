package output

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// TestSpool checks that a spool gives back what was written, in memory and beyond it, and leaves no file behind.
func TestSpool(t *testing.T) {
	block := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	for name, blocks := range map[string]int{"empty": 0, "memory": 64, "file": 65} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			var s Spool
			for range blocks {
				if _, err := s.Write(block); err != nil {
					t.Fatal(err)
				}
			}
			if want := int64(blocks * len(block)); s.Size() != want {
				t.Errorf("size %d, want %d", s.Size(), want)
			}
			if inFile := s.file != nil; inFile != (s.Size() > SpoolMemory) {
				t.Errorf("%d bytes in a file: %v", s.Size(), inFile)
			}
			got := make([]byte, 32)
			for at := int64(0); at < s.Size(); at += 5<<20 + 7 {
				n := min(int64(len(got)), s.Size()-at)
				if _, err := s.ReadAt(got[:n], at); err != nil {
					t.Fatal(err)
				}
				if want := block[at%16 : at%16+n]; !bytes.Equal(got[:n], want) {
					t.Fatalf("at %d: %q, want %q", at, got[:n], want)
				}
			}
			if n, err := s.ReadAt(got, s.Size()); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("at the end: %d, %v", n, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
