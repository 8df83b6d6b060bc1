package mapping

import "sync"

// scratches are buffers for intermediate results.
var scratches sync.Pool

// withScratch calls f with a buffer of a size in bytes, of any contents, that is used again afterwards.
func withScratch(size int64, f func(b []byte) error) error {
	b := takeScratch(size)
	defer giveScratch(b)
	return f(b)
}

// takeScratch returns a buffer of a size in bytes, of any contents. giveScratch makes it available again.
func takeScratch(size int64) []byte {
	held, _ := scratches.Get().(*[]byte)
	if held == nil || int64(cap(*held)) < size {
		return make([]byte, size)
	}
	return (*held)[:size]
}

func giveScratch(b []byte) { scratches.Put(&b) }
