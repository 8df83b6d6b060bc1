package output

import (
	"os"
	"syscall"
)

// beginWriting starts the write-back of a range to the disk, without waiting. An error is ignored: fsync at the end
// then takes longer.
func beginWriting(f *os.File, off, size int64) {
	const syncFileRangeWrite = 2
	_ = syscall.SyncFileRange(int(f.Fd()), off, size, syncFileRangeWrite)
}
