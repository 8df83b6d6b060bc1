package precise

import "math"

// exp returns e^x for |x| < 700: x = k log(2) + 2^8 r, and a Taylor series of r, squared
// eight times.
func exp(x double) double {
	const squarings = 8
	k := math.Round(x.hi / ln2.hi)
	p := product(k, ln2.hi)
	r := x.minus(quickSum(p.hi, p.lo+float64(k*ln2.lo)))
	r = double{r.hi / (1 << squarings), r.lo / (1 << squarings)}
	// |r| < 2^-9: the first term left out, r^12/12!, is below 2^-136. The 1 is added at the
	// end, so that squaring e^r - 1 loses no bits: (1 + y)^2 - 1 = 2y + y^2.
	y := double{}
	for n := 11; n >= 1; n-- {
		y = double{hi: 1}.plus(y).times(r).over(float64(n))
	}
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
		return math.Pow(x, y) // beyond what exp is made for
	}
	return exp(power).value()
}
