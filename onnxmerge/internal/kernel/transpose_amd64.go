package kernel

func transpose(dst []byte, step int, src []byte, srcStep, rows, columns int) bool {
	if !hasAVX {
		return false
	}
	transposeAVX(&dst[0], step, &src[0], srcStep, rows/8, columns/8)
	return true
}

// rows and columns, both > 0, are numbers of squares of 8 x 8 elements.
//
//go:noescape
func transposeAVX(dst *byte, step int, src *byte, srcStep, rows, columns int)
