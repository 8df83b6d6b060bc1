//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// peakMemory returns the largest resident size of this process so far, in bytes.
func peakMemory() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" { // bytes there, KiB elsewhere
		return int64(usage.Maxrss) //nolint:unconvert // an int32 elsewhere
	}
	return int64(usage.Maxrss) << 10 //nolint:unconvert // an int32 elsewhere
}
