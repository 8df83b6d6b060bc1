//go:build unix

package input_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
)

// What is no regular file is refused at once; opening a pipe would wait for ever.
func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, file, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	err := errors.Join(syscall.Mkfifo(pipe, 0o666), os.WriteFile(file, []byte("text"), 0o666), os.Symlink(pipe, link))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, dir, os.DevNull} {
		if _, _, err := input.Open(path); fault.KindOf(err) != fault.Input {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if _, _, err := input.Open(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: error %v", err)
	}
	if data, err := input.ReadFile(file); err != nil || string(data) != "text" {
		t.Errorf("%q, error %v", data, err)
	}
}
