//go:build !amd64 && !arm64

package dense

// Kernel returns the name of the inner loops in use.
func Kernel() string { return "go" }

func dotTile(dst []float64, ldc int, a, b []float64, d int) { dotTileGo(dst, ldc, a, b, d) }

func outerTile(dst []float64, ldc int, a []float64, lda int, b []float64, ldb, m int) {
	outerTileGo(dst, ldc, a, lda, b, ldb, m)
}

func center(dst []float64, src []float32, mean, scale []float64) { centerGo(dst, src, mean, scale) }

func widen(dst []float64, src []float32) { widenGo(dst, src) }

func dotTileSingle(dst []float32, ldc int, a, b []float32, d int) { dotTileGo(dst, ldc, a, b, d) }

func outerTileSingle(dst []float32, ldc int, a []float32, lda int, b []float32, ldb, m int) {
	outerTileGo(dst, ldc, a, lda, b, ldb, m)
}

func prefetch([]float32) {}

func centerSingle(dst, src, mean, low, scale []float32) { centerSingleGo(dst, src, mean, low, scale) }

func expSingle(x []float32) { expSingleGo(x) }

func maxSingle(x []float32) float32 { return maxSingleGo(x) }

func sumSingle(x []float32) float32 { return sumSingleGo(x) }

func scaleSingle(x []float32, factor, shift float32) { scaleSingleGo(x, factor, shift) }

func adam(a *Adam, value, grad, first, second []float32) { adamGo(a, value, grad, first, second) }
