//go:build unix

package onnx

import (
	"io/fs"
	"syscall"
)

// linkCount returns the number of hard links to a file, and whether it is known.
func linkCount(info fs.FileInfo) (names uint64, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(stat.Nlink), true //nolint:unconvert // its type differs between systems
}
