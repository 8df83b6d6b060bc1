package kernel

// Transpose sets rows of dst, step bytes apart, to columns of src, whose rows are srcStep bytes apart: element i of row k of src
// becomes element k of row i of dst. Elements have four bytes. It sets the first rows and the first elements of each, multiples of 8
// up to rows and columns, and returns how many: none where there are no instructions for it.
func Transpose(dst []byte, step int, src []byte, srcStep, rows, columns int) (rowsSet, columnsSet int) {
	m, n := rows&^7, columns&^7
	if m == 0 || n == 0 || !transpose(dst[:(m-1)*step+4*n], step, src[:(n-1)*srcStep+4*m], srcStep, m, n) {
		return 0, 0
	}
	return m, n
}
