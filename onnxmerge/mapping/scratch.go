package mapping

import (
	"math/bits"
	"sync"
)

// scratches are buffers for intermediate results, by the class of their size.
var scratches [4 * 64]sync.Pool

// sizeClass returns the class of buffers for a size in bytes, and how many bytes these have: a power of two, or one and a quarter, a half
// or three quarters of it.
func sizeClass(size int64) (class int, bytes int64) {
	if size <= 4 {
		return 0, 4
	}
	shift := bits.Len64(uint64(size-1)) - 3
	quarters := (size-1)>>shift + 1 // 5 to 8
	return 4*shift + int(quarters), quarters << shift
}

// withScratch calls f with a buffer of a size in bytes, of any contents, that is used again afterwards.
func withScratch(size int64, f func(b []byte) error) error {
	b := takeScratch(size)
	defer giveScratch(b)
	return f(b)
}

// takeScratch returns a buffer of a size in bytes, of any contents. giveScratch makes it available again.
func takeScratch(size int64) []byte {
	class, bytes := sizeClass(size)
	if held, _ := scratches[class].Get().(*[]byte); held != nil {
		return (*held)[:size]
	}
	return make([]byte, size, bytes)
}

// giveScratch takes a buffer of takeScratch back.
func giveScratch(b []byte) {
	class, _ := sizeClass(int64(cap(b)))
	scratches[class].Put(&b)
}
