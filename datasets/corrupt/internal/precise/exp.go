package precise

import "math"

// expTail are 1/3! to 1/7!.
var expTail = [...]float64{1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040}

// exp returns e^x for |x| < 700: x = k log(2) + 2^8 r, and a Taylor series of r, squared
// eight times.
func exp(x double) double {
	const squarings = 8
	k := math.Round(x.hi / ln2.hi)
	p := product(k, ln2.hi)
	r := x.minus(quickSum(p.hi, p.lo+float64(k*ln2.lo)))
	r = double{r.hi / (1 << squarings), r.lo / (1 << squarings)}
	// |r| < 2^-9. From r^3/6 on, terms are below 2^-20 of r and need no more than float64; the
	// first term left out, r^8/8!, is below 2^-78 of it. The 1 is added at the end, so that
	// squaring e^r - 1 loses no bits: (1 + y)^2 - 1 = 2y + y^2.
	tail := expTail[len(expTail)-1]
	for n := len(expTail) - 2; n >= 0; n-- {
		tail = expTail[n] + float64(r.hi*tail)
	}
	square := r.times(r)
	y := r.plus(double{square.hi / 2, square.lo / 2}).plus(double{hi: float64(square.hi * r.hi * tail)})
	for range squarings {
		y = double{2 * y.hi, 2 * y.lo}.plus(y.times(y))
	}
	y = double{hi: 1}.plus(y)
	return double{math.Ldexp(y.hi, int(k)), math.Ldexp(y.lo, int(k))}
}

// Pow returns x^y for finite x >= 0 and y.
func Pow(x, y float64) float64 {
	if x == 0 || x == 1 || y == 0 || x < 0 || x-x != 0 || y-y != 0 {
		return math.Pow(x, y)
	}
	power := logDouble(x).times(double{hi: y})
	if math.Abs(power.hi) > 700 {
		return math.Pow(x, y) // outside the range of exp
	}
	return exp(power).value()
}
