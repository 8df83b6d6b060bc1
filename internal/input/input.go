// Package input opens files for reading, and regular files only: reading a FIFO, a device or a socket may block for
// ever or never end.
package input

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/wiseft/wiseft/internal/fault"
)

// errNotRegular says what a path is not.
var errNotRegular = errors.New("not a regular file")

// Open opens a regular file. It never blocks. A missing file is fs.ErrNotExist; what is no regular file, and no link to
// one, is an error of kind Input. Errors name the path.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening some devices has effects of its own
		return nil, fault.Inputf("%s: %w", path, errNotRegular)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unblocked, 0)
	if err != nil {
		return nil, err
	}
	if err := check(f); err != nil { // another file may have taken its place
		return nil, fault.Inputf("%s: %w", path, err)
	}
	return f, nil
}

// OpenIn is [Open] for a file below a folder. Errors do not name the path.
func OpenIn(dir *os.Root, name string) (*os.File, error) {
	info, err := dir.Stat(name)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := dir.OpenFile(name, os.O_RDONLY|unblocked, 0)
	if err != nil {
		return nil, cause(err)
	}
	return f, check(f)
}

// ReadFile returns the contents of a regular file.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// check closes a file that is not regular.
func check(f *os.File) error {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		_ = f.Close() // nothing was read
	}
	return err
}

// cause returns the part of a file error that does not repeat the file's name.
func cause(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
