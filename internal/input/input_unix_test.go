//go:build unix

package input

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
)

// What could block for ever is refused, and a regular file is read, also through a link.
func TestRegularFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(in("file"), []byte("text"), 0o666), syscall.Mkfifo(in("fifo"), 0o666),
		os.Symlink("file", in("link")), os.Symlink("/dev/zero", in("endless")), os.Symlink("fifo", in("tofifo"))); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"file", "link"} {
		if text, err := ReadFile(in(name)); err != nil || string(text) != "text" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		f, err := OpenIn(root, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
	for _, name := range []string{"fifo", "endless", "tofifo", "."} {
		if _, err := ReadFile(in(name)); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "regular file") {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := OpenIn(root, name); err == nil {
			t.Errorf("%s is opened below its folder", name)
		}
	}
	if _, err := Open(in("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}
