package dense

import "math"

// The products in single precision have the sizes and the order of sums of those in double precision.

// MulTransSingle is [MulTrans] in single precision.
func MulTransSingle(dst, a, b []float32, m, n, d int) { MulTransSingleAhead(dst, a, b, m, n, d, nil) }

// MulTransSingleAhead is [MulTransSingle]. Meanwhile it brings ahead, which the caller reads next, into the second-level
// cache.
func MulTransSingleAhead(dst, a, b []float32, m, n, d int, ahead []float32) {
	check(m%RowTile == 0 && n%RowTile == 0 && d%ColTile == 0)
	check(len(dst) >= m*n && len(a) >= m*d && len(b) >= n*d)
	if d == 0 {
		clear(dst[:m*n])
		return
	}
	piece := 1 + len(ahead)*RowTile*RowTile/max(1, m*n) // per tile
	for j := 0; j < n; j += RowTile {
		for i := 0; i < m; i += RowTile {
			if len(ahead) > 0 {
				next := min(piece, len(ahead))
				prefetch(ahead[:next])
				ahead = ahead[next:]
			}
			dotTileSingle(dst[i*n+j:], n, a[i*d:(i+RowTile)*d], b[j*d:(j+RowTile)*d], d)
		}
	}
}

// AddTransMulSingle is [AddTransMul] in single precision.
func AddTransMulSingle(dst, a, b []float32, m, n, d int) {
	AddTransMulRowsSingle(dst, a, b, m, n, d, 0, n)
}

// AddTransMulRowsSingle adds the rows lo to hi-1 of a^T b, multiples of RowTile, to those of dst, as
// [AddTransMulSingle] does, and writes nothing else.
func AddTransMulRowsSingle(dst, a, b []float32, m, n, d, lo, hi int) {
	check(n%RowTile == 0 && lo%RowTile == 0 && hi%RowTile == 0 && hi <= n && d%ColTile == 0)
	check(len(dst) >= n*d && len(a) >= m*n && len(b) >= m*d)
	if m == 0 {
		return
	}
	for j := 0; j < d; j += ColTile {
		for i := lo; i < hi; i += RowTile {
			outerTileSingle(dst[i*d+j:], d, a[i:], n, b[j:], d, m)
		}
	}
}

// Adam is a step of Kingma and Ba's method (Adam: a method for stochastic optimization, 2015) for parameters with an L2
// penalty.
type Adam struct {
	Beta1, Beta2 float32
	Rate         float32 // divided by the bias correction of the first moment
	Root         float32 // the reciprocal square root of the bias correction of the second moment
	Epsilon      float32
	Penalty      float32 // factor of the value in its gradient
}

// Step changes value by a step for the gradient, and updates the moments. The gradient becomes 0.
func (a *Adam) Step(value, grad, first, second []float32) {
	n := len(value)
	check(len(grad) == n && len(first) == n && len(second) == n)
	adam(a, value, grad, first, second)
}

func adamGo(a *Adam, value, grad, first, second []float32) {
	rest1, rest2 := 1-a.Beta1, 1-a.Beta2
	for i, v := range value {
		g := float32(a.Penalty*v) + grad[i]
		first[i] = float32(a.Beta1*first[i]) + float32(rest1*g)
		second[i] = float32(a.Beta2*second[i]) + float32(float32(rest2*g)*g)
		root := float32(math.Sqrt(float64(second[i])))
		value[i] = v - float32(a.Rate*first[i])/(float32(root*a.Root)+a.Epsilon)
	}
	clear(grad)
}

// CenterSingle sets dst[j] to (src[j] - mean[j] - low[j]) * scale[j]. With low the rest of the mean that float32 does
// not hold, the result has the precision of float32 also where the mean is far larger than the difference. The lengths
// are those of src.
func CenterSingle(dst, src, mean, low, scale []float32) {
	n := len(src)
	check(len(dst) >= n && len(mean) >= n && len(low) >= n && len(scale) >= n)
	centerSingle(dst[:n], src, mean[:n], low[:n], scale[:n])
}

// ExpSingle replaces every x, at most 0, by its exponential, within 3 ULP; below about -87, where float32 has no normal
// number, by the smallest one. NaN stays NaN.
func ExpSingle(x []float32) { expSingle(x) }

// MaxSingle returns the largest value of x, which must not be empty. It may overlook NaN.
func MaxSingle(x []float32) float32 { return maxSingle(x) }

// SumSingle returns the sum of x.
func SumSingle(x []float32) float32 { return sumSingle(x) }

// ScaleSingle replaces every x by x factor + shift, rounded twice.
func ScaleSingle(x []float32, factor, shift float32) { scaleSingle(x, factor, shift) }

func maxSingleGo(x []float32) float32 {
	top := x[0]
	for _, v := range x[1:] {
		if v > top {
			top = v
		}
	}
	return top
}

func sumSingleGo(x []float32) float32 {
	sum := float32(0)
	for _, v := range x {
		sum += v
	}
	return sum
}

func scaleSingleGo(x []float32, factor, shift float32) {
	for i, v := range x {
		x[i] = float32(v*factor) + shift
	}
}

// Constants of ExpSingle: x = n ln 2 + r, and a polynomial in r for |r| <= ln 2 / 2 whose first term left out, r^7/7!,
// is about the rounding of float32. The upper part of ln 2 has 9 bits, so that its product with n is exact.
var expConstants = [16]float32{
	-87.3, 1 / math.Ln2, 0.693359375, math.Ln2 - 0.693359375, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 0.5, 1,
}

func expSingleGo(x []float32) {
	c := &expConstants
	for i, v := range x {
		if v != v {
			continue
		}
		v = max(v, c[0])
		n := float32(math.RoundToEven(float64(v * c[1])))
		v -= n * c[2]
		v -= n * c[3]
		p := c[4]
		for _, a := range c[5:10] {
			p = p*v + a
		}
		p = p*v + 1
		x[i] = math.Float32frombits(uint32(int32(math.Float32bits(p)) + int32(n)<<23))
	}
}

func centerSingleGo(dst, src, mean, low, scale []float32) {
	for j, v := range src {
		dst[j] = (v - mean[j] - low[j]) * scale[j]
	}
}
