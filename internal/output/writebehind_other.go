//go:build !linux

package output

import "os"

// beginWriting does nothing: only Linux has sync_file_range.
func beginWriting(*os.File, int64, int64) {}
