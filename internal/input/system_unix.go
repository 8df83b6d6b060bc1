//go:build unix

package input

import (
	"io/fs"
	"syscall"
)

// unblocked opens a FIFO without waiting for its writer.
const unblocked = syscall.O_NONBLOCK

// Holes returns how many of a file's bytes the disk does not hold: they are read as zero, and take no space.
func Holes(info fs.FileInfo) int64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return max(0, info.Size()-stat.Blocks*512) // st_blocks counts units of 512 bytes
}
