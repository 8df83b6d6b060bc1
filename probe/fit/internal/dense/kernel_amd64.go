package dense

import "golang.org/x/sys/cpu"

// kernel is a set of inner loops. They differ in the width of their registers.
type kernel int

const (
	kernelGo kernel = iota
	kernelAVX2
	kernelAVX512
)

// active is the widest kernel that the processor supports. Tests set it.
var active = detect()

func detect() kernel {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return kernelAVX512
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return kernelAVX2
	}
	return kernelGo
}

// Kernel returns the name of the inner loops in use.
func Kernel() string { return [...]string{"go", "avx2", "avx512"}[active] }

func dotTile(dst []float64, ldc int, a, b []float64, d int) {
	switch active {
	case kernelAVX512:
		dotTileAVX512(&dst[0], ldc, &a[0], &b[0], d)
	case kernelAVX2:
		dotTileAVX2(&dst[0], ldc, &a[0], &b[0], d)
	default:
		dotTileGo(dst, ldc, a, b, d)
	}
}

func outerTile(dst []float64, ldc int, a []float64, lda int, b []float64, ldb, m int) {
	switch active {
	case kernelAVX512:
		outerTileAVX512(&dst[0], ldc, &a[0], lda, &b[0], ldb, m)
	case kernelAVX2:
		for j := 0; j < ColTile; j += 8 {
			outerTileAVX2(&dst[j], ldc, &a[0], lda, &b[j], ldb, m)
		}
	default:
		outerTileGo(dst, ldc, a, lda, b, ldb, m)
	}
}

func center(dst []float64, src []float32, mean, scale []float64) {
	whole := len(src) &^ 3
	if active == kernelGo {
		whole = 0
	}
	if whole > 0 {
		centerAVX2(&dst[0], &src[0], &mean[0], &scale[0], whole)
	}
	centerGo(dst[whole:], src[whole:], mean[whole:], scale[whole:])
}

func widen(dst []float64, src []float32) {
	whole := len(src) &^ 3
	if active == kernelGo {
		whole = 0
	}
	if whole > 0 {
		widenAVX2(&dst[0], &src[0], whole)
	}
	widenGo(dst[whole:], src[whole:])
}

// dst is 4 x 4 with rows ldc apart; a and b are 4 x d; d > 0 is a multiple of 8.
//
//go:noescape
func dotTileAVX512(dst *float64, ldc int, a, b *float64, d int)

// As dotTileAVX512; d > 0 is a multiple of 4.
//
//go:noescape
func dotTileAVX2(dst *float64, ldc int, a, b *float64, d int)

// dst is 4 x 32, a is m x 4 and b is m x 32, with rows ldc, lda and ldb apart; m > 0.
//
//go:noescape
func outerTileAVX512(dst *float64, ldc int, a *float64, lda int, b *float64, ldb, m int)

// As outerTileAVX512 with 8 columns of dst and b.
//
//go:noescape
func outerTileAVX2(dst *float64, ldc int, a *float64, lda int, b *float64, ldb, m int)

// n > 0 is a multiple of 4.
//
//go:noescape
func centerAVX2(dst *float64, src *float32, mean, scale *float64, n int)

// n > 0 is a multiple of 4.
//
//go:noescape
func widenAVX2(dst *float64, src *float32, n int)
