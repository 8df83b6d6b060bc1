//go:build !unix

package input

import "io/fs"

const unblocked = 0

// Holes is 0: it is not known.
func Holes(fs.FileInfo) int64 { return 0 }
