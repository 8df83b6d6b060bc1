//go:build !unix

package main

// peakMemory returns 0: the figure is not available on this system.
func peakMemory() int64 { return 0 }
