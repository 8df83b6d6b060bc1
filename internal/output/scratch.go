package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// scratchPrefix begins the names of folders for what nobody reads after the program: they are in the system's folder of
// temporary files, and locked while their process lives.
const scratchPrefix = "wiseft-scratch-"

// Scratch is a folder for files that are needed for a while. Remove it.
type Scratch struct {
	Path string
	lock *os.File
}

// NewScratch makes an empty folder, and removes those that killed processes have left.
func NewScratch() (*Scratch, error) {
	RemoveStaleScratch()
	root := os.TempDir()
	for range 1000 {
		path, err := os.MkdirTemp(root, scratchPrefix)
		if err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process took it for one that was left before it was opened
		}
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(path))
		}
		if !isLocked(f) && isNamed(f) {
			return &Scratch{path, f}, nil
		}
		_ = f.Close() // it is being removed
	}
	return nil, fmt.Errorf("%s: no folder for temporary files can be made", root)
}

// RemoveStaleScratch removes the folders that killed processes have left, where the system has locks. Errors are ignored:
// what stays takes space and does no harm.
func RemoveStaleScratch() {
	root := os.TempDir()
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), scratchPrefix) {
			RemoveStale(filepath.Join(root, e.Name()))
		}
	}
}

// Remove removes the folder with all files in it. Removing twice is harmless; files that are mapped into memory stay
// readable there, where the system allows their removal.
func (s *Scratch) Remove() error {
	err := os.RemoveAll(s.Path)
	if s.lock != nil && err == nil {
		err = s.lock.Close()
		s.lock = nil
	}
	return err
}
