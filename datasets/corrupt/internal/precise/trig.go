package precise

import "math"

// maxAngle bounds the angles in radians: 2^20 turns keep the reduction exact enough.
const maxAngle = 1 << 22

// Sincos returns the sine and cosine of an angle in radians.
func Sincos(x float64) (sin, cos float64) {
	if !(math.Abs(x) < maxAngle) {
		return math.Sincos(x)
	}
	s, c := sincos(double{hi: x})
	return s.value(), c.value()
}

const (
	trigTerms   = 13 // of the series, after the first
	trigDoubles = 4  // of these, in double
)

// sincos reduces x by quarter turns to at most pi/4 and sums the Taylor series. From
// x^10/11! on, terms are below 2^-27 and need no more than float64; the first term left
// out, x^28/28!, is below 2^-107.
func sincos(x double) (sin, cos double) {
	quarter := math.Round(x.hi / (pi.hi / 2))
	p := product(quarter, pi.hi/2)
	x = x.minus(quickSum(p.hi, p.lo+float64(quarter*(pi.lo/2))))
	x2 := x.times(x)
	one := double{hi: 1}
	sinTail, cosTail := 1., 1.
	for k := trigTerms; k > trigDoubles; k-- {
		n := float64(2 * k)
		sinTail = 1 - float64(x2.hi*sinTail)/(n*(n+1))
		cosTail = 1 - float64(x2.hi*cosTail)/(n*(n-1))
	}
	sin, cos = double{hi: sinTail}, double{hi: cosTail}
	for k := trigDoubles; k >= 1; k-- {
		step := x2.times(reciprocals[2*k])
		sin = one.minus(step.times(reciprocals[2*k+1]).times(sin))
		cos = one.minus(step.times(reciprocals[2*k-1]).times(cos))
	}
	sin = x.times(sin)
	switch int64(quarter) & 3 {
	case 1:
		return cos, double{-sin.hi, -sin.lo}
	case 2:
		return double{-sin.hi, -sin.lo}, double{-cos.hi, -cos.lo}
	case 3:
		return double{-cos.hi, -cos.lo}, sin
	}
	return sin, cos
}

// Acos returns the arc cosine of c, in [0, pi]: one step of Newton's method on cos, from
// math.Acos.
func Acos(c float64) float64 {
	y := math.Acos(c)
	if !(math.Abs(c) < 1) {
		return y
	}
	sin, cos := sincos(double{hi: y})
	step := cos.minus(double{hi: c})
	return double{hi: y}.plus(double{hi: step.value() / sin.hi}).value()
}
