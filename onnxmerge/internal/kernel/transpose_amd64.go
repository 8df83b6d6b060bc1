package kernel

func transpose(dst []byte, step int, src []byte, srcStep, n int) int {
	if !hasAVX {
		return 0
	}
	transposeAVX(&dst[0], step, &src[0], srcStep, n/8)
	return n
}

// n > 0 is the number of squares of 8 x 8 elements.
//
//go:noescape
func transposeAVX(dst *byte, step int, src *byte, srcStep, n int)
