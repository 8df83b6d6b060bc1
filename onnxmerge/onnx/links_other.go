//go:build !unix

package onnx

import "io/fs"

// linkCount returns how many names a file has, and whether that is known. Here it is
// not: hard links are not told apart.
func linkCount(fs.FileInfo) (names uint64, known bool) { return 0, false }
