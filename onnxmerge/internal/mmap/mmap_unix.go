//go:build unix

package mmap

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func open(f *os.File, off int64, size int) (pages []byte, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	failed := conn.Control(func(fd uintptr) {
		if pages, err = unix.Mmap(int(fd), off, size, unix.PROT_READ, unix.MAP_SHARED); err == nil {
			// Read from the disk in order. Without this, a file that is used in columns is read in single pages.
			_ = unix.Madvise(pages, unix.MADV_WILLNEED)
		}
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, errors.ErrUnsupported // such as for a pipe; reading it says what is wrong with it
	}
	return pages, nil
}

func closePages(pages []byte) error { return unix.Munmap(pages) }
