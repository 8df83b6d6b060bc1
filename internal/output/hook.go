package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// hook is nil, except in tests.
var hook func(step, path string) error

// Intercept has f called before every step that changes files: "create", "write", "sync", "rename", "exchange",
// "remove". An error of f takes the place of the step. It is for tests that end a program, or fill its disk, at every
// step; call it before anything is written.
func Intercept(f func(step, path string) error) { hook = f }

func before(step, path string) error {
	if hook == nil {
		return nil
	}
	return hook(step, path)
}

// Rename is os.Rename as a step that tests can intercept.
func Rename(from, to string) error {
	if err := before("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// remove removes a file or folder; it is not an error if there is none.
func remove(path string) error {
	if err := before("remove", path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// atPath names the final path in an error instead of a temporary one.
func atPath(path string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", path, at.Err)
	}
	if at, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", path, at.Err)
	}
	return err
}
