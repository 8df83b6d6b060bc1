//go:build linux && (amd64 || arm64)

package ort

import "github.com/ebitengine/purego"

// mapThreshold is M_MMAP_THRESHOLD of glibc's mallopt, and mapFromBytes the threshold's initial value: the size from
// which blocks of C memory are mapped one by one.
const (
	mapThreshold = -3
	mapFromBytes = 128 << 10
)

// returnMemory makes the C library return large blocks to the system when they are freed.
//
// glibc does so at first, but raises the threshold to the size of every mapped block that is freed, up to 32 MiB.
// After the first session, weights and activations are therefore allocated in the heaps of the calling threads, and
// their memory is not returned: 44 MiB beside 6 MiB in use after 50 sessions of a model of 1 MiB, and more later,
// depending on the threads. Setting the threshold, to whatever value, fixes it (mallopt(3)): 2.5 MiB. Opening that
// model and running it ten times takes 23 ms instead of 15, because mapped memory is cleared; hundreds of passes take
// as long as before. Other C libraries have no mallopt.
func returnMemory() {
	if mallopt, err := purego.Dlsym(purego.RTLD_DEFAULT, "mallopt"); err == nil {
		threshold := int32(mapThreshold)
		purego.SyscallN(mallopt, uintptr(threshold), mapFromBytes)
	}
}
