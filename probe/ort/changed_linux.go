package ort

import (
	"fmt"
	"io/fs"
	"syscall"
)

// changeOf returns the file's inode and the time at which it was last changed in any way, which no program can set.
func changeOf(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d %d.%09d", s.Ino, s.Ctim.Sec, s.Ctim.Nsec)
}
