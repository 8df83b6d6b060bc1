package dense

func dotTileSingle(dst []float32, ldc int, a, b []float32, d int) {
	switch active {
	case kernelAVX512:
		dotTileSingleAVX512(&dst[0], ldc, &a[0], &b[0], d)
	case kernelAVX2:
		dotTileSingleAVX2(&dst[0], ldc, &a[0], &b[0], d)
	default:
		dotTileGo(dst, ldc, a, b, d)
	}
}

func outerTileSingle(dst []float32, ldc int, a []float32, lda int, b []float32, ldb, m int) {
	switch active {
	case kernelAVX512:
		outerTileSingleAVX512(&dst[0], ldc, &a[0], lda, &b[0], ldb, m)
	case kernelAVX2:
		for j := 0; j < ColTile; j += 16 {
			outerTileSingleAVX2(&dst[j], ldc, &a[0], lda, &b[j], ldb, m)
		}
	default:
		outerTileGo(dst, ldc, a, lda, b, ldb, m)
	}
}

func prefetch(x []float32) { prefetchAMD64(&x[0], len(x)) }

func centerSingle(dst, src, mean, low, scale []float32) {
	whole := vectorised(len(src))
	if whole > 0 {
		centerSingleAVX2(&dst[0], &src[0], &mean[0], &low[0], &scale[0], whole)
	}
	centerSingleGo(dst[whole:], src[whole:], mean[whole:], low[whole:], scale[whole:])
}

func expSingle(x []float32) {
	whole := vectorised(len(x))
	if whole > 0 {
		expSingleAVX2(&x[0], whole, &expConstants)
	}
	expSingleGo(x[whole:])
}

func maxSingle(x []float32) float32 {
	whole := vectorised(len(x))
	if whole == 0 {
		return maxSingleGo(x)
	}
	return max(maxSingleAVX2(&x[0], whole), maxSingleGo(x[whole-1:]))
}

func sumSingle(x []float32) float32 {
	whole, sum := vectorised(len(x)), float32(0)
	if whole > 0 {
		sum = sumSingleAVX2(&x[0], whole)
	}
	return sum + sumSingleGo(x[whole:])
}

func scaleSingle(x []float32, factor, shift float32) {
	whole := vectorised(len(x))
	if whole > 0 {
		scaleSingleAVX2(&x[0], whole, factor, shift)
	}
	scaleSingleGo(x[whole:], factor, shift)
}

func adam(a *Adam, value, grad, first, second []float32) {
	whole := vectorised(len(value))
	if whole > 0 {
		c := [8]float32{a.Beta1, 1 - a.Beta1, a.Beta2, 1 - a.Beta2, a.Rate, a.Root, a.Epsilon, a.Penalty}
		adamAVX2(&c, &value[0], &grad[0], &first[0], &second[0], whole)
	}
	adamGo(a, value[whole:], grad[whole:], first[whole:], second[whole:])
}

// vectorised returns how many of n values the loops over vectors of eight take.
func vectorised(n int) int {
	if active == kernelGo {
		return 0
	}
	return n &^ 7
}

// dst is 4 x 4 with rows ldc apart; a and b are 4 x d; d > 0 is a multiple of 16.
//
//go:noescape
func dotTileSingleAVX512(dst *float32, ldc int, a, b *float32, d int)

// As dotTileSingleAVX512; d > 0 is a multiple of 8.
//
//go:noescape
func dotTileSingleAVX2(dst *float32, ldc int, a, b *float32, d int)

// dst is 4 x 32, a is m x 4 and b is m x 32, with rows ldc, lda and ldb apart; m > 0.
//
//go:noescape
func outerTileSingleAVX512(dst *float32, ldc int, a *float32, lda int, b *float32, ldb, m int)

// As outerTileSingleAVX512 with 16 columns of dst and b.
//
//go:noescape
func outerTileSingleAVX2(dst *float32, ldc int, a *float32, lda int, b *float32, ldb, m int)

// n > 0.
//
//go:noescape
func prefetchAMD64(x *float32, n int)

// n > 0 is a multiple of 8.
//
//go:noescape
func centerSingleAVX2(dst, src, mean, low, scale *float32, n int)

// n > 0 is a multiple of 8; c is expConstants.
//
//go:noescape
func expSingleAVX2(x *float32, n int, c *[16]float32)

// n > 0 is a multiple of 8. NaN may be overlooked.
//
//go:noescape
func maxSingleAVX2(x *float32, n int) float32

// n > 0 is a multiple of 8.
//
//go:noescape
func sumSingleAVX2(x *float32, n int) float32

// n > 0 is a multiple of 8.
//
//go:noescape
func scaleSingleAVX2(x *float32, n int, factor, shift float32)

// n > 0 is a multiple of 8.
//
//go:noescape
func adamAVX2(c *[8]float32, value, grad, first, second *float32, n int)
