package kernel

import "math"

// encoder rounds float64 to a format with two additions, without a branch. What to
// add depends on the top 12 bits of the number, its sign and exponent.
//
// Adding magic, 2^52 units of the last place that the format has at this exponent,
// leaves a sum whose own last bit has that place. So the addition does the one
// rounding, to nearest, ties to even, and the last bits of the sum are the rounded
// fraction, for normal and subnormal results alike. Adding pattern to the bits of
// the sum takes away the bits of magic and puts in the exponent and the sign; a carry
// out of the fraction moves into the exponent by itself.
type encoder struct {
	magic   [1 << 12]float64
	pattern [1 << 12]uint64
}

// fill makes the tables. sign is the bit that add sets for negative numbers, above
// every pattern and the one after the largest number.
func (e *encoder) fill(f format, sign uint64) {
	for i := range e.magic {
		exp := max(i&0x7ff-1023, f.minExp())
		magic := math.Ldexp(1, 52-f.frac+exp)
		pattern := uint64(exp-f.minExp()) << f.frac
		if exp > f.maxExp() { // also infinity; NaN stays NaN
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

// add returns the rounded pattern of v with the sign of the encoder. If it is in the
// largest binade or beyond, where numbers end, the next bit is set; beyond, the
// pattern is the one after the largest number. NaN gives at least four times the
// sign, since an addition sets bit 51 of a NaN.
func (e *encoder) add(v float64) uint64 {
	i := math.Float64bits(v) >> 52
	return math.Float64bits(v+e.magic[i]) + e.pattern[i]
}
