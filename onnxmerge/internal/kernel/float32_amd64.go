package kernel

// widen sets the first numbers of dst, as many as it returns, to the float32 that are
// stored in src.
func widen(dst []float64, src []byte) int {
	n := len(dst) &^ 7
	if n > 0 {
		widenSSE2(&dst[0], &src[:4*n][0], n)
	}
	return n
}

// narrow stores the first numbers of src, as many as it returns, in dst as float32, and
// reports whether these are finite. A NaN is any.
func narrow(dst []byte, src []float64) (n int, finite bool) {
	n = len(src) &^ 7
	return n, n == 0 || narrowSSE2(&dst[:4*n][0], &src[0], n)
}

// Both take a multiple of 8 numbers, at least 8.

//go:noescape
func widenSSE2(dst *float64, src *byte, n int)

//go:noescape
func narrowSSE2(dst *byte, src *float64, n int) (finite bool)
