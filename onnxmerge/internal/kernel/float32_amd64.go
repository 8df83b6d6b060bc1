package kernel

import "golang.org/x/sys/cpu"

// widen converts the first n elements of src, stored as float32, to dst and returns n, a multiple of 8.
func widen(dst []float64, src []byte) int {
	n := len(dst) &^ 7
	if n > 0 {
		widenSSE2(&dst[0], &src[:4*n][0], n)
	}
	return n
}

// narrow stores the first n elements of src in dst as float32 and returns n, a multiple of 8, and whether all results
// are finite. Any NaN may be stored.
func narrow(dst []byte, src []float64) (n int, finite bool) {
	n = len(src) &^ 7
	return n, n == 0 || narrowSSE2(&dst[:4*n][0], &src[0], n)
}

// lerpWide sets the first elements of dst, stored as float32, to s times those of a plus t times those of b. It returns
// the size of these elements in bytes, which is 0 without AVX, and whether all are finite. Any NaN may be stored.
func lerpWide(dst, a, b []byte, s, t float64) (size int, finite bool) {
	size = len(dst) &^ 31
	if size == 0 || !hasAVX {
		return 0, true
	}
	return size, lerpAVX(&dst[0], &a[:size][0], &b[:size][0], size/4, s, t)
}

var hasAVX = cpu.X86.HasAVX

// The functions in assembly take a multiple of 8 elements, at least 8.

//go:noescape
func widenSSE2(dst *float64, src *byte, n int)

//go:noescape
func narrowSSE2(dst *byte, src *float64, n int) (finite bool)

//go:noescape
func lerpAVX(dst, a, b *byte, n int, s, t float64) (finite bool)
