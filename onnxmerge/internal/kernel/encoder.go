package kernel

import "math"

// encoder rounds float64 to a format by two additions, branch-free. The addends depend on the top 12 bits of the
// value: its sign and exponent.
//
// Adding magic, 2^52 units in the last place of the format at this exponent, gives a sum whose last bit has the
// weight of that place. The addition therefore performs the one rounding, to nearest, ties to even, and the low bits
// of the sum are the rounded fraction, for normal and subnormal results alike. Adding pattern to the bits of the sum
// removes the bits of magic and inserts exponent and sign; a carry out of the fraction propagates into the exponent.
type encoder struct {
	magic   [1 << 12]float64
	pattern [1 << 12]uint64
}

// fill computes the tables. sign is the bit that add sets for negative values; it is above every pattern and the one
// after that of the largest value.
func (e *encoder) fill(f format, sign uint64) {
	for i := range e.magic {
		exp := max(i&0x7ff-1023, f.minExp())
		magic := math.Ldexp(1, 52-f.frac+exp)
		pattern := uint64(exp-f.minExp()) << f.frac
		if exp > f.maxExp() { // also infinity; NaN remains NaN
			magic, pattern = math.Inf(1), f.top+1
		}
		if exp >= f.maxExp() {
			pattern |= sign << 1
		}
		if i>>11 == 1 {
			magic, pattern = -magic, pattern|sign
		}
		e.magic[i], e.pattern[i] = magic, pattern-math.Float64bits(magic)
	}
}

// add returns the rounded pattern of v with the encoder's sign bit. For values in the largest binade or beyond, the
// next bit is set; beyond the largest value, the pattern is the one after it. NaN gives at least four times the sign
// bit, because an addition sets bit 51 of a NaN.
func (e *encoder) add(v float64) uint64 {
	i := math.Float64bits(v) >> 52
	return math.Float64bits(v+e.magic[i]) + e.pattern[i]
}
