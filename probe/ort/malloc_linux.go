//go:build cgo && linux

package ort

/*
#include <malloc.h>

static void map_from(int size) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, size);
#endif
}
*/
import "C"

// mapFromBytes is the size from which a block of C memory is mapped for itself. It is where
// glibc begins.
const mapFromBytes = 128 << 10

// returnMemory makes the C library hand large blocks back to the system when they are freed.
//
// glibc does so at first, but raises the threshold to the size of every mapped block that is
// freed, up to 32 MiB. After the first session, weights and activations therefore come
// from the heaps of whichever threads ask, and stay there: 44 MiB beside 6 MiB in use after 50
// sessions of a model of 1 MiB, and by chance more later. Setting the threshold, to
// whatever value, makes it stay (mallopt(3)): 2.5 MiB. Opening that model and running it ten times
// takes 23 ms instead of 15, because mapped memory is cleared; hundreds of passes take as long.
func returnMemory() { C.map_from(mapFromBytes) }
