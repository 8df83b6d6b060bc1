package output

import (
	"os"
	"path/filepath"
	"testing"
)

// TestScratch checks that a folder is removed by its process, or else by the next one that looks for such folders, and not before.
func TestScratch(t *testing.T) {
	if !HasLocks {
		t.Skip("the system has no locks")
	}
	t.Setenv("TMPDIR", t.TempDir())
	used, err := NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	left, err := NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left.Path, "model.onnx.data"), []byte("weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	_ = left.lock.Close() // as the end of the process does
	other := filepath.Join(os.TempDir(), "wiseft-other")
	if err := os.Mkdir(other, 0o777); err != nil {
		t.Fatal(err)
	}
	next, err := NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	RemoveStaleScratch()
	if _, err := os.Stat(left.Path); !os.IsNotExist(err) {
		t.Errorf("the folder of a process that has ended is still there: %v", err)
	}
	for _, path := range []string{used.Path, next.Path, other} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a folder that is in use was removed: %v", err)
		}
	}
	for range 2 {
		if err := next.Remove(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(next.Path); !os.IsNotExist(err) {
		t.Errorf("the folder was not removed: %v", err)
	}
}
