// Package input opens regular files and nothing else: opening a named pipe would wait for a writer, and a device may
// have no end.
package input

import (
	"errors"
	"io/fs"
	"os"

	"github.com/wiseft/wiseft/internal/fault"
)

// Open opens a regular file and returns its size in bytes. The caller closes it. Anything else is an error of kind
// Input; a file that does not exist is fs.ErrNotExist.
func Open(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info) // it may have been replaced
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// ReadFile reads a whole regular file.
func ReadFile(path string) ([]byte, error) {
	f, size, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if n == len(data) {
		err = nil
	}
	return data[:n], err
}

func check(path string, info fs.FileInfo) error {
	mode := info.Mode()
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return fault.Inputf("%s: it is a folder, not a file", path)
	}
	return fault.Inputf("%s: it is a pipe, a device or a socket, not a regular file", path)
}
