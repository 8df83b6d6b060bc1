package kernel

import (
	"encoding/binary"
	"math"
)

func decode16(dst []float64, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = fromFloat16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func encode16(dst []byte, src []float64) {
	dst = dst[:2*len(src)]
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], toFloat16(v))
	}
}

func decodeB16(dst []float64, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16))
	}
}

func encodeB16(dst []byte, src []float64) {
	dst = dst[:2*len(src)]
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], toBFloat16(v))
	}
}

// fromFloat16 decodes IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction.
func fromFloat16(h uint16) float64 {
	sign := uint64(h>>15) << 63
	exp, frac := uint64(h>>10&0x1f), uint64(h&0x3ff)
	switch exp {
	case 0: // zero and subnormal: frac * 2^-24
		return math.Copysign(float64(frac)*0x1p-24, float64FromSign(sign))
	case 0x1f:
		return math.Float64frombits(sign | 0x7ff<<52 | frac<<42)
	}
	return math.Float64frombits(sign | (exp+1023-15)<<52 | frac<<42)
}

func float64FromSign(sign uint64) float64 {
	return math.Float64frombits(sign | 0x3ff<<52)
}

// toFloat16 rounds v once, to nearest even. Going through float32 would round twice.
func toFloat16(v float64) uint16 {
	return uint16(round(v, 10, 15))
}

// toBFloat16 rounds v once, to nearest even.
func toBFloat16(v float64) uint16 {
	return uint16(round(v, 7, 127))
}

// round encodes v as a 16-bit binary float with the given number of fraction bits
// and exponent bias, rounding to nearest, ties to even. The encoding of a value is
// its magnitude in units of the last place of the smallest binade, so a carry out
// of the fraction moves into the exponent by itself, and overflow becomes infinity.
func round(v float64, fracBits uint, bias int) uint64 {
	bits := math.Float64bits(v)
	sign := bits >> 63 << 15
	inf := uint64(1<<15-1) &^ (1<<fracBits - 1)
	if v != v {
		return sign | inf | 1<<(fracBits-1) // a quiet NaN
	}
	exp := int(bits>>52&0x7ff) - 1023
	if exp > bias {
		return sign | inf
	}
	frac := bits&(1<<52-1) | 1<<52
	drop := 52 - fracBits // bits of the fraction that do not fit
	field := uint64(0)
	if exp < 1-bias { // below the smallest normal: shift into the subnormals
		drop += uint(min(1-bias-exp, 64))
	} else {
		field = uint64(exp+bias-1) << fracBits // the implicit one adds the last binade
	}
	if drop > 54 { // less than half of the smallest subnormal; also float64's own subnormals
		return sign
	}
	q := frac >> drop
	rest, half := frac&(1<<drop-1), uint64(1)<<(drop-1)
	if rest > half || rest == half && q&1 == 1 {
		q++
	}
	return sign | min(field+q, inf)
}
