package dense

// kernel is a set of inner loops.
type kernel int

const (
	kernelGo kernel = iota
	kernelNEON
)

// active is the kernel in use: every processor of 64 bits has NEON. Tests set it.
var active = kernelNEON

// Kernel returns the name of the inner loops in use.
func Kernel() string { return [...]string{"go", "neon"}[active] }

func dotTile(dst []float64, ldc int, a, b []float64, d int) {
	if active == kernelGo {
		dotTileGo(dst, ldc, a, b, d)
		return
	}
	dotTileNEON(&dst[0], ldc, &a[0], &b[0], d)
}

func outerTile(dst []float64, ldc int, a []float64, lda int, b []float64, ldb, m int) {
	if active == kernelGo {
		outerTileGo(dst, ldc, a, lda, b, ldb, m)
		return
	}
	for j := 0; j < ColTile; j += 8 {
		outerTileNEON(&dst[j], ldc, &a[0], lda, &b[j], ldb, m)
	}
}

func center(dst []float64, src []float32, mean, scale []float64) {
	whole := vectorised(len(src))
	if whole > 0 {
		centerNEON(&dst[0], &src[0], &mean[0], &scale[0], whole)
	}
	centerGo(dst[whole:], src[whole:], mean[whole:], scale[whole:])
}

func widen(dst []float64, src []float32) {
	whole := vectorised(len(src))
	if whole > 0 {
		widenNEON(&dst[0], &src[0], whole)
	}
	widenGo(dst[whole:], src[whole:])
}

// dst is 4 x 4 with rows ldc apart; a and b are 4 x d; d > 0 is a multiple of 4.
//
//go:noescape
func dotTileNEON(dst *float64, ldc int, a, b *float64, d int)

// dst is 4 x 8, a is m x 4 and b is m x 8, with rows ldc, lda and ldb apart; m > 0.
//
//go:noescape
func outerTileNEON(dst *float64, ldc int, a *float64, lda int, b *float64, ldb, m int)

// n > 0 is a multiple of 4.
//
//go:noescape
func centerNEON(dst *float64, src *float32, mean, scale *float64, n int)

// n > 0 is a multiple of 4.
//
//go:noescape
func widenNEON(dst *float64, src *float32, n int)
