package mapping

import (
	"math"
	"strconv"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// plain says which numbers of a type are taken for those of code: so few that a trained weight is hardly one of them.
// Of the numbers of float32 from 2^-16 to 2^16 these are 0.1 %; a type of fewer bits has fewer numbers, and a smaller
// choice.
type plain struct {
	dtype  onnx.DType
	digits int     // decimal digits of a number
	whole  float64 // integers below this
	// roots are bounds of the integers n in multiples of a unit by n, 1/n, the square root of n or its reciprocal;
	// fourth in those by fourth roots.
	roots, unitRoots, fourth float64
	ulps                     float64 // difference from such a multiple, which code computes with rounding
}

// geluFactor is the constant of GELU's approximation by tanh.
const geluFactor = 0.044715

// units are the numbers beside 1 whose multiples code has: of activations, angles and entropies.
var units = []float64{math.Pi, 1 / math.Pi, 2 / math.Pi, math.Ln2, 1 / math.Ln2, math.Log(10000), 1 / math.Sqrt(math.Pi)}

// plainOf returns what is plain in a tensor of so many elements, all of which must be.
func plainOf(dtype onnx.DType, elements int) plain {
	switch dtype {
	case onnx.Float32, onnx.Float64:
		p := plain{dtype: dtype, digits: 4, whole: 1 << 20, roots: 1 << 16, unitRoots: 64, fourth: 4096, ulps: 2}
		if elements > 2 {
			p.digits = 6 // such as means of colours; several by chance are rarer still
		}
		return p
	case onnx.BFloat16: // 430 numbers between 0.1 and 1
		return plain{dtype: dtype, digits: 1, whole: 16}
	case onnx.Float16: // 3400
		return plain{dtype: dtype, digits: 2, whole: 1 << 8, roots: 64, unitRoots: 2}
	}
	return plain{dtype: dtype, whole: 2}
}

// hasAll reports whether all numbers are plain.
func (p plain) hasAll(values map[float64]bool) bool {
	for v := range values {
		if !p.has(v) {
			return false
		}
	}
	return true
}

// has reports whether a number is plain. So are numbers that are not finite, and bounds of types.
func (p plain) has(v float64) bool {
	abs := math.Abs(v)
	if math.IsInf(v, 0) || math.IsNaN(v) || v == math.Trunc(v) && abs < p.whole {
		return true
	}
	for _, bound := range []float64{math.MaxFloat32, 65504, 0x1.fep127, math.MaxFloat64} {
		if abs == bound {
			return true
		}
	}
	if p.digits == 0 {
		return false
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', p.digits-1, 64), 64)
	return err == nil && p.rounded(short) == v || abs == p.rounded(geluFactor) || p.isMultiple(abs)
}

// isMultiple reports whether a positive number is a multiple of a unit by a root.
func (p plain) isMultiple(v float64) bool {
	for _, power := range []float64{1, -1, 2, -2} {
		if p.isRoot(v, 1, power, p.roots) {
			return true
		}
		for _, unit := range units {
			if p.isRoot(v, unit, power, p.unitRoots) {
				return true
			}
		}
	}
	return p.isRoot(v, 1, 4, p.fourth) || p.isRoot(v, 1, -4, p.fourth) || p.isLogarithm(v)
}

// isLogarithm reports whether a positive number is the logarithm of an integer up to fourth or of such a one by a power
// of two, as in logarithmic buckets of positions.
func (p plain) isLogarithm(v float64) bool {
	for k := 1.0; k <= 512 && p.fourth > 0; k *= 2 {
		n := math.Round(math.Exp(v) * k)
		if n > k && n <= p.fourth && math.Abs(p.rounded(math.Log(n/k))-v) <= p.ulps*ulp(v, p.dtype) {
			return true
		}
	}
	return false
}

// isRoot reports whether v is a unit times the power-th root of an integer up to a bound.
func (p plain) isRoot(v, unit, power, bound float64) bool {
	n := math.Round(math.Pow(v/unit, power))
	return n >= 1 && n <= bound && math.Abs(p.rounded(unit*math.Pow(n, 1/power))-v) <= p.ulps*ulp(v, p.dtype)
}

// rounded returns a number rounded to the type.
func (p plain) rounded(x float64) float64 {
	codec, _ := p.dtype.Codec()
	b := make([]byte, codec.SizeBytes(1))
	codec.Encode(b, []float64{x})
	out := []float64{0}
	codec.Decode(out, b)
	return out[0]
}
