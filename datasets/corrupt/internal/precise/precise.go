// Package precise has elementary functions that give the same bits on every processor: the correctly rounded result,
// except for about one argument in a hundred million whose exact result lies almost halfway between two numbers.
//
// The functions of package math are off by up to one unit in the last place, and differ between processors. Those of
// the C library, which numpy uses, round correctly for more than 99.8 % of all arguments, so that the results of this
// package equal numpy's for all others.
//
// A double is a number of about 106 bits: the unevaluated sum of two float64, of which the second is at most half a
// unit in the last place of the first (T. J. Dekker, A floating-point technique for extending the available
// precision, Numer. Math. 18, 1971).
package precise

import "math"

type double struct{ hi, lo float64 }

// sum returns a + b exactly, for any a and b (Knuth).
func sum(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

// quickSum returns a + b exactly where |a| >= |b| or a is 0.
func quickSum(a, b float64) double {
	s := a + b
	return double{s, b - (s - a)}
}

// product returns a * b exactly.
func product(a, b float64) double {
	p := a * b
	return double{p, math.FMA(a, b, -p)}
}

func (x double) plus(y double) double {
	s := sum(x.hi, y.hi)
	return quickSum(s.hi, s.lo+(x.lo+y.lo))
}

func (x double) minus(y double) double { return x.plus(double{-y.hi, -y.lo}) }

func (x double) times(y double) double {
	p := product(x.hi, y.hi)
	return quickSum(p.hi, p.lo+(float64(x.hi*y.lo)+float64(x.lo*y.hi)))
}

func (x double) over(n float64) double {
	q := x.hi / n
	p := product(q, n)
	return quickSum(q, ((x.hi-p.hi)-p.lo+x.lo)/n)
}

// reciprocals are 1/n, for the series of sine and cosine.
var reciprocals = func() (table [2*trigDoubles + 2]double) {
	for n := 1; n < len(table); n++ {
		table[n] = double{hi: 1}.over(float64(n))
	}
	return table
}()

// value rounds x to float64.
func (x double) value() float64 { return x.hi + x.lo }

// ln2 is log(2), pi is the number; both to 106 bits.
var (
	ln2 = double{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}
	pi  = double{0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53}
)
