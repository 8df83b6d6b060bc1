//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package output

import (
	"errors"
	"os"
	"syscall"
)

// canLock says that a file can be locked for the lifetime of a process.
const canLock = true

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// lock locks a file that no other process knows of. A file system without locks is used without.
func lock(f *os.File) { _ = flock(f) }

// tryLock reports whether no other process has the lock of a file, and takes it.
func tryLock(f *os.File) bool { return flock(f) == nil }

// isLocked reports whether another process has the lock of a file. If not, it is taken, where there are locks.
func isLocked(f *os.File) bool { return errors.Is(flock(f), syscall.EWOULDBLOCK) }

// openUnblocked opens a file or folder for reading. A FIFO does not block.
func openUnblocked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
}
