// Package dense multiplies the small blocks of matrices of which the fits of probes consist.
//
// Matrices are row-major without gaps, float64 or, in single.go, float32. There are two products: the scores of a block
// of rows, A B^T, and the sum of outer products with the features, C + A^T B. Both are tiled so that the inner loop
// works in registers, with tiles of 4 x 4 inner products and 4 x 32 outer products. On amd64 the loops are AVX-512 or
// AVX2 with FMA and on arm64 NEON, in assembly because Go's compiler does not vectorise; elsewhere they are Go. [Kernel]
// names the loops in use. Per core of a 2-core machine (64 rows, 768 features, 40 classes), Go reaches 8.4 and 4.6
// GFLOP/s, AVX2 51 and 48, AVX-512 80 and 79, gonum's SSE2 kernels 8 to 9; in single precision AVX-512 reaches 117 and
// 131, and 150 and 165 within a fit. NEON has run under emulation only. Tests compare
// every kernel with the Go one.
//
// Sizes are padded: rows and classes to [RowTile], features to [ColTile]. Every element is summed in an order that
// depends on the sizes alone.
package dense

// Padded sizes are multiples of these.
const (
	RowTile = 4
	ColTile = 32
)

// PadRows returns n rounded up to a multiple of RowTile.
func PadRows(n int) int { return (n + RowTile - 1) / RowTile * RowTile }

// PadCols returns n rounded up to a multiple of ColTile.
func PadCols(n int) int { return (n + ColTile - 1) / ColTile * ColTile }

// MulTrans sets dst (m x n) to a b^T, where a is m x d and b is n x d. m and n are
// multiples of RowTile, d of ColTile. dst must not overlap a or b.
func MulTrans(dst, a, b []float64, m, n, d int) {
	check(m%RowTile == 0 && n%RowTile == 0 && d%ColTile == 0)
	check(len(dst) >= m*n && len(a) >= m*d && len(b) >= n*d)
	if d == 0 {
		clear(dst[:m*n])
		return
	}
	for j := 0; j < n; j += RowTile {
		for i := 0; i < m; i += RowTile {
			dotTile(dst[i*n+j:], n, a[i*d:(i+RowTile)*d], b[j*d:(j+RowTile)*d], d)
		}
	}
}

// AddTransMul adds a^T b to dst (n x d), where a is m x n and b is m x d. n is a multiple of RowTile, d of ColTile; m
// is arbitrary.
func AddTransMul(dst, a, b []float64, m, n, d int) {
	check(n%RowTile == 0 && d%ColTile == 0)
	check(len(dst) >= n*d && len(a) >= m*n && len(b) >= m*d)
	if m == 0 {
		return
	}
	for j := 0; j < d; j += ColTile {
		for i := 0; i < n; i += RowTile {
			outerTile(dst[i*d+j:], d, a[i:], n, b[j:], d, m)
		}
	}
}

// AddGram adds the lower triangle of a^T b, which must be symmetric, to dst (d x d), in tiles: elements above the
// tiles of the diagonal are not changed. a and b are m x d, d a multiple of ColTile.
func AddGram(dst, a, b []float64, m, d int) {
	for j := 0; j < d; j += ColTile {
		AddGramStrip(dst, d, a, b, m, d, j)
	}
}

// AddGramStrip adds the part of [AddGram] in the ColTile columns from j on, a multiple of ColTile, to dst, whose rows
// are ldc apart, and writes nothing else.
func AddGramStrip(dst []float64, ldc int, a, b []float64, m, d, j int) {
	check(d%ColTile == 0 && j%ColTile == 0 && ldc >= d && len(dst) >= (d-1)*ldc+d && len(a) >= m*d && len(b) >= m*d)
	if m == 0 {
		return
	}
	for i := j; i < d; i += RowTile {
		outerTile(dst[i*ldc+j:], ldc, a[i:], d, b[j:], d, m)
	}
}

// Center sets dst[j] to (src[j] - mean[j]) * scale[j]. The lengths are those of src.
func Center(dst []float64, src []float32, mean, scale []float64) {
	n := len(src)
	check(len(dst) >= n && len(mean) >= n && len(scale) >= n)
	center(dst[:n], src, mean[:n], scale[:n])
}

func centerGo(dst []float64, src []float32, mean, scale []float64) {
	for j, v := range src {
		dst[j] = (float64(v) - mean[j]) * scale[j]
	}
}

// Widen sets dst to src. The lengths are those of src.
func Widen(dst []float64, src []float32) {
	check(len(dst) >= len(src))
	widen(dst[:len(src)], src)
}

func widenGo(dst []float64, src []float32) {
	for j, v := range src {
		dst[j] = float64(v)
	}
}

func check(ok bool) {
	if !ok {
		panic("dense: sizes that do not fit")
	}
}

// dotTileGo sets a tile of RowTile x RowTile, whose rows are ldc apart, to the inner
// products of the rows of a and b, d long.
func dotTileGo[T float32 | float64](dst []T, ldc int, a, b []T, d int) {
	for i := range RowTile {
		x := a[i*d : (i+1)*d]
		b0, b1, b2, b3 := b[:d], b[d:2*d], b[2*d:3*d], b[3*d:4*d]
		var s0, s1, s2, s3 T
		for j, v := range x {
			s0 += v * b0[j]
			s1 += v * b1[j]
			s2 += v * b2[j]
			s3 += v * b3[j]
		}
		row := dst[i*ldc : i*ldc+RowTile]
		row[0], row[1], row[2], row[3] = s0, s1, s2, s3
	}
}

// outerTileGo adds the outer products of m rows to a tile of RowTile x ColTile.
func outerTileGo[T float32 | float64](dst []T, ldc int, a []T, lda int, b []T, ldb, m int) {
	for j := 0; j < ColTile; j += 2 {
		for i := 0; i < RowTile; i += 2 {
			var s00, s01, s10, s11 T
			for r := range m {
				a0, a1 := a[r*lda+i], a[r*lda+i+1]
				b0, b1 := b[r*ldb+j], b[r*ldb+j+1]
				s00 += a0 * b0
				s01 += a0 * b1
				s10 += a1 * b0
				s11 += a1 * b1
			}
			dst[i*ldc+j] += s00
			dst[i*ldc+j+1] += s01
			dst[(i+1)*ldc+j] += s10
			dst[(i+1)*ldc+j+1] += s11
		}
	}
}
