package output

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Temporary names are .NAME.PID-N.tmp, in the folder of NAME. The process that writes a temporary file or folder holds
// a lock on it until it has its final name, where the system has such locks; one without a lock was left by a process
// that was killed.

const temporarySuffix = ".tmp"

// temporaryName returns the n-th temporary name of this process for a final path.
func temporaryName(path string, n int) string {
	return fmt.Sprintf(".%s.%d-%d%s", filepath.Base(path), os.Getpid(), n, temporarySuffix)
}

// createTemp makes and locks a temporary file with the permissions of ordinary files (os.CreateTemp makes private
// ones).
func createTemp(path, dir string) (*os.File, error) {
	return newTemp(path, cmp.Or(dir, filepath.Dir(path)), func(name string) (*os.File, error) {
		return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	})
}

// createTempFolder makes and locks a temporary folder.
func createTempFolder(path string) (*os.File, error) {
	return newTemp(path, filepath.Dir(path), func(name string) (*os.File, error) {
		if err := os.Mkdir(name, 0o777); err != nil {
			return nil, err
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fs.ErrExist // another process took it for a stale one: the next name
		}
		return f, err
	})
}

func newTemp(path, dir string, create func(name string) (*os.File, error)) (*os.File, error) {
	for i := range 1000 {
		name := filepath.Join(dir, temporaryName(path, i))
		err := before("create", name)
		var f *os.File
		if err == nil {
			f, err = create(name)
		}
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, atPath(path, err)
		}
		if !isLocked(f) && isNamed(f) {
			return f, nil
		}
		_ = f.Close() // another process takes it for a stale one
	}
	return nil, fmt.Errorf("%s: too many temporary files beside it", path)
}

// isNamed reports whether the name of an open file still is the file's.
func isNamed(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(info, named)
}

// removeStale removes temporary files and folders that killed processes have left of an output and of its data files.
// Errors are ignored: what stays takes space and does no harm.
func removeStale(path string) {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name, ok := finalName(e.Name())
		if !ok || name != filepath.Base(path) && !strings.HasPrefix(name, filepath.Base(path)+".data") {
			continue
		}
		if _, err := os.Lstat(journalPath(filepath.Join(dir, name))); err == nil {
			continue // it is needed to finish what was interrupted
		}
		RemoveStale(filepath.Join(dir, e.Name()))
	}
}

// finalName returns NAME of a temporary name.
func finalName(name string) (string, bool) {
	inner, ok := strings.CutSuffix(name, temporarySuffix)
	if !ok || !strings.HasPrefix(inner, ".") {
		return "", false
	}
	at := strings.LastIndexByte(inner, '.')
	if at < 1 {
		return "", false
	}
	var pid, n int
	_, err := fmt.Sscanf(inner[at+1:], "%d-%d", &pid, &n)
	return inner[1:at], err == nil
}

// RemoveStale removes a temporary file or folder whose writer has ended. Errors are ignored. It does nothing on a
// system without locks.
func RemoveStale(path string) {
	f, err := openUnblocked(path)
	if err != nil {
		return
	}
	defer f.Close() // when it is removed: its maker does not use what another has locked
	if tryLock(f) && isNamed(f) {
		_ = os.RemoveAll(path)
	}
}

// IsStale reports whether the writer of a locked file has ended. On a system without locks it is not known, and false.
func IsStale(path string) bool {
	f, err := openUnblocked(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return tryLock(f) && isNamed(f)
}

// HasLocks says that files are locked on this system.
const HasLocks = canLock

// IsLocked reports whether another process has locked a file. If none has, the file is locked until it is closed, where
// there are locks.
func IsLocked(f *os.File) bool { return isLocked(f) }

// Lock marks an open temporary file or folder as in use, until it is closed; see [RemoveStale]. It does nothing on a
// system without locks.
func Lock(f *os.File) { lock(f) }
