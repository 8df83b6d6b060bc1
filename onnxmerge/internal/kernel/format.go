package kernel

import "math"

// format defines a binary floating-point type of at most 16 bits: a sign bit, exponent bits, fraction bits. A pattern
// without its sign is the rank of its value among the positive ones, also across binades; the pattern after that of
// the largest value is the result of rounding values slightly beyond it.
type format struct {
	bits int    // of one element
	frac int    // of the fraction
	bias int    // of the exponent
	top  uint64 // pattern of the largest value
	over uint64 // pattern of larger values, without sign: infinity, NaN or top
	nan  uint64 // pattern of NaN, or its substitute if there is none
}

// The formats: IEEE 754 binary16, bfloat16, and those of the ONNX documentation ("Float stored in 8 bits", "Float
// stored in 4 bits"). FNUZ types have finite values and NaN, and no negative zero: the pattern of -0 is the only NaN.
var (
	float16        = format{bits: 16, frac: 10, bias: 15, top: 0x7bff, over: 0x7c00, nan: 0x7e00}
	bfloat16       = format{bits: 16, frac: 7, bias: 127, top: 0x7f7f, over: 0x7f80, nan: 0x7fc0}
	float8E4M3FN   = format{bits: 8, frac: 3, bias: 7, top: 0x7e, over: 0x7f, nan: 0x7f}
	float8E4M3FNUZ = format{bits: 8, frac: 3, bias: 8, top: 0x7f, over: 0x80, nan: 0x80}
	float8E5M2     = format{bits: 8, frac: 2, bias: 15, top: 0x7b, over: 0x7c, nan: 0x7e}
	float8E5M2FNUZ = format{bits: 8, frac: 2, bias: 16, top: 0x7f, over: 0x80, nan: 0x80}
	float4E2M1     = format{bits: 4, frac: 1, bias: 1, top: 0x7, over: 0x7, nan: 0x0}
)

// sign returns the sign bit.
func (f format) sign() uint64 { return 1 << (f.bits - 1) }

// minExp and maxExp return the exponents of the smallest and the largest binade.
func (f format) minExp() int { return 1 - f.bias }
func (f format) maxExp() int { return int(f.top>>f.frac) - f.bias }

// value returns the value of a pattern.
func (f format) value(pattern uint64) float64 {
	abs := pattern &^ f.sign()
	v := math.NaN()
	switch {
	case pattern == f.sign() && f.nan == f.sign(): // FNUZ
	case abs <= f.top:
		exp, m := int(abs>>f.frac), abs&(1<<f.frac-1)
		if exp > 0 { // not subnormal: the implicit leading one
			exp--
			m |= 1 << f.frac
		}
		v = math.Ldexp(float64(m), exp+f.minExp()-f.frac)
	case abs == f.over && f.over != f.nan:
		v = math.Inf(1)
	}
	if pattern != abs {
		return math.Copysign(v, -1)
	}
	return v
}
