package output

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
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

// Processes that make folders at once remove none of each other's, and each gets one.
func TestScratchRace(t *testing.T) {
	if !HasLocks {
		t.Skip("the system has no locks")
	}
	t.Setenv("TMPDIR", t.TempDir())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				s, err := NewScratch()
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(s.Path, "x"), nil, 0o666); err != nil {
					t.Error(err)
				}
				if err := s.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// The same of temporary folders beside an output.
func TestTemporaryFolderRace(t *testing.T) {
	if !HasLocks {
		t.Skip("the system has no locks")
	}
	path := filepath.Join(t.TempDir(), "out")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				removeStale(path)
				f, err := createTempFolder(path)
				if err != nil {
					t.Error(err)
					return
				}
				err = os.WriteFile(filepath.Join(f.Name(), "x"), nil, 0o666)
				if err := errors.Join(err, os.RemoveAll(f.Name()), f.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
