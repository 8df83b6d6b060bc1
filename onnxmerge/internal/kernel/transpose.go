package kernel

// Transpose sets eight rows of dst, step bytes apart, to eight columns of src, whose rows are srcStep bytes apart: element i of
// row k of src becomes element k of row i of dst. Elements have four bytes. It sets the first elements of each row, a
// multiple of 8 up to columns, and returns how many: 0 where there are no instructions for it.
func Transpose(dst []byte, step int, src []byte, srcStep, columns int) int {
	n := columns &^ 7
	if n == 0 {
		return 0
	}
	return transpose(dst[:7*step+4*n], step, src[:(n-1)*srcStep+32], srcStep, n)
}
