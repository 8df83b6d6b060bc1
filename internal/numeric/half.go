package numeric

import "math"

// FromHalf returns the value of an IEEE float16; a NaN keeps its sign and the bits of its fraction.
func FromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exponent == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent == 0:
		v := float32(fraction) / (1 << 24) // subnormal, exact
		return math.Float32frombits(math.Float32bits(v) | sign)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// ToHalf returns the IEEE float16 that is nearest to v, of two the even one. What is beyond float16 becomes infinite.
func ToHalf(v float64) uint16 { return toSmall(v, 5, 10) }

// ToBFloat16 returns the bfloat16 that is nearest to v, of two the even one. What is beyond bfloat16 becomes infinite.
func ToBFloat16(v float64) uint16 { return toSmall(v, 8, 7) }

// toSmall rounds v to a format of 16 bits: a sign, exponent bits, and fraction bits.
func toSmall(v float64, exponentBits, fractionBits int) uint16 {
	bias := 1<<(exponentBits-1) - 1
	infinite := uint16(1<<exponentBits-1) << fractionBits
	sign := uint16(0)
	if math.Signbit(v) {
		sign = 1 << 15
	}
	if math.IsNaN(v) {
		return sign | infinite | 1<<(fractionBits-1)
	}
	exponent := 1 - bias // of subnormal numbers and of the smallest normal one
	if v != 0 {
		_, e := math.Frexp(v)
		exponent = max(exponent, e-1)
	}
	if exponent > bias || math.IsInf(v, 0) {
		return sign | infinite
	}
	n := uint16(math.RoundToEven(math.Ldexp(math.Abs(v), fractionBits-exponent)))
	return sign | min(infinite, n+uint16(exponent+bias-1)<<fractionBits)
}
