package output

import (
	"os"
	"syscall"
)

// beginWriting asks the disk to begin writing a range, without waiting. That it cannot is
// no failure: the end waits longer.
func beginWriting(f *os.File, off, size int64) {
	const syncFileRangeWrite = 2
	_ = syscall.SyncFileRange(int(f.Fd()), off, size, syncFileRangeWrite)
}
