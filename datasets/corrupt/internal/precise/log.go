package precise

import "math"

const (
	logBits = 7 // intervals of [1, 2) in the table: 2^logBits
	logSize = 1 << logBits
)

// logStep is one interval's centre: its reciprocal, rounded to few bits, and minus the
// logarithm of that reciprocal.
type logStep struct {
	inverse float64
	log     double
}

var logTable = makeLogTable()

// makeLogTable computes the logarithms by Newton's method on exp, starting from math.Log.
func makeLogTable() (table [logSize]logStep) {
	for i := range table {
		centre := 1 + (float64(i)+0.5)/logSize
		// 9 bits are enough to keep z*inverse - 1 below 2^-7.
		inverse := math.Round(512/centre) / 512
		table[i] = logStep{inverse, newtonLog(double{hi: inverse})}
		table[i].log.hi, table[i].log.lo = -table[i].log.hi, -table[i].log.lo
	}
	return table
}

// newtonLog returns log(x) to 100 bits: y + x*exp(-y) - 1 squares the error of y.
func newtonLog(x double) double {
	y := double{hi: math.Log(x.hi)}
	for range 2 {
		e := x.times(exp(double{-y.hi, -y.lo}))
		y = y.plus(e.minus(double{hi: 1}))
	}
	return y
}

// Log returns the natural logarithm of x.
func Log(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) {
		return math.Log(x)
	}
	return logDouble(x).value()
}

// logDouble splits x into 2^k * z with z in [1, 2), and z into c * (1 + r) with c from
// the table: log(x) = k log(2) + log(c) + log(1 + r), |r| < 2^-7.
func logDouble(x float64) double {
	fraction, k := math.Frexp(x) // in [1/2, 1)
	z := 2 * fraction
	k--
	bits := math.Float64bits(z)
	step := &logTable[bits>>(52-logBits)&(logSize-1)]
	if k == -1 && z > 2-1./logSize/2 { // just below 1, where log(z) must not cancel
		z, k, step = z/2, 0, &logStep{inverse: 1}
	} else if k == 0 && z < 1+1./logSize/2 {
		step = &logStep{inverse: 1}
	}
	r := product(z, step.inverse)
	r = quickSum(r.hi-1, r.lo)
	head := step.log
	if k != 0 {
		p := product(float64(k), ln2.hi)
		p.lo += float64(float64(k) * ln2.lo)
		head = quickSum(p.hi, p.lo).plus(head)
	}
	return head.plus(log1p(r))
}

// Coefficients of the series of log(1 + r), from r^3/3 down; the first term left out is
// r^9/9, below 2^-67 of r.
var (
	third   = double{hi: 1}.over(3)
	logTail = [...]float64{-1. / 4, 1. / 5, -1. / 6, 1. / 7, -1. / 8}
)

// log1p returns log(1 + r) for |r| < 2^-7 by its series: the first three terms in
// double, the rest, which is below 2^-22 of r, in float64.
func log1p(r double) double {
	tail := logTail[len(logTail)-1]
	for n := len(logTail) - 2; n >= 0; n-- {
		tail = logTail[n] + float64(r.hi*tail)
	}
	y := third.plus(double{hi: float64(r.hi * tail)})
	y = double{hi: -0.5}.plus(y.times(r))
	y = double{hi: 1}.plus(y.times(r))
	return y.times(r)
}
