package kernel

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

// Both take a multiple of 8 elements, at least 8.

//go:noescape
func widenSSE2(dst *float64, src *byte, n int)

//go:noescape
func narrowSSE2(dst *byte, src *float64, n int) (finite bool)
