package mapping

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// maxJudged is the largest constant in elements that is compared with formulas.
const maxJudged = 1 << 26

// judge decides about a target that no expression explains: it is kept if its values are those of a formula.
func (f *finder) judge(m *Mapping, g *target, suspects suspects) error {
	if g.tensor.Len() > maxJudged {
		m.Refused = append(m.Refused, Refused{Tensor: g.tensor, Reason: unexplained})
		return nil
	}
	a, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, onnx.Float64)
	if err != nil {
		return err
	}
	if reason := formula(a.numbers(), a.dims, g.tensor.DType); reason != "" {
		m.Kept = append(m.Kept, Kept{g.tensor, reason, suspects})
		return nil
	}
	m.Refused = append(m.Refused, Refused{Tensor: g.tensor, Reason: unexplained})
	return nil
}

const unexplained = "no expression over the checkpoint gives its values, and they are those of no formula"

// formula says by which formula the values of a constant are explained, "" if by none.
func formula(values []float64, dims []int64, dtype onnx.DType) string {
	distinct := map[float64]bool{}
	for _, v := range values {
		if distinct[v] = true; len(distinct) > 4096 {
			break
		}
	}
	if len(distinct) <= 4096 && allPlain(distinct, dtype) {
		if len(values) == 1 {
			return fmt.Sprintf("the constant %.9g", values[0])
		}
		return fmt.Sprintf("%d numbers of few digits", len(values))
	}
	rows := [][]float64{values}
	if len(dims) > 0 && dims[len(dims)-1] > 2 {
		rows = slices.Collect(slices.Chunk(values, int(dims[len(dims)-1])))
	}
	if all(rows, isProgression) {
		return "arithmetic or geometric progressions"
	}
	if isWaves(values, dims) {
		return "sines and cosines of equidistant positions"
	}
	return ""
}

func allPlain(values map[float64]bool, dtype onnx.DType) bool {
	for v := range values {
		if !isPlain(v, dtype) {
			return false
		}
	}
	return true
}

// isPlain reports whether a number is one that code has: of at most 5 decimal digits, a root of an integer or of its reciprocal,
// such a multiple of one of the units, a bound of a type, or not finite.
func isPlain(v float64, dtype onnx.DType) bool {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) || v == math.Trunc(v) && math.Abs(v) < 1<<20 {
		return true
	}
	codec, _ := dtype.Codec()
	rounded := func(x float64) float64 {
		b := make([]byte, codec.SizeBytes(1))
		codec.Encode(b, []float64{x})
		out := []float64{0}
		codec.Decode(out, b)
		return out[0]
	}
	if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 4, 64), 64); err == nil && rounded(short) == v {
		return true
	}
	abs := math.Abs(v)
	for _, bound := range []float64{math.MaxFloat32, 65504, 0x1.fep127, math.MaxFloat64, 0x1p-126, 0x1p-14} {
		if abs == bound {
			return true
		}
	}
	near := func(x float64) bool { return math.Abs(rounded(x)-abs) <= 2*ulp(abs, dtype) }
	for _, unit := range units {
		for _, power := range []float64{1, 2, 4} {
			for _, sign := range []float64{1, -1} {
				n := math.Round(math.Pow(abs/unit, sign*power))
				if n >= 1 && n <= maxPlain(unit, power) && near(unit*math.Pow(n, sign/power)) {
					return true
				}
			}
		}
	}
	return false
}

// units are the numbers whose multiples by roots of integers code has: of activations, angles and entropies.
var units = []float64{1, math.Pi, 1 / math.Pi, 2 / math.Pi, math.Ln2, 1 / math.Ln2, math.Log(10000), 1 / math.Sqrt(math.Pi)}

// maxPlain bounds the integers, so that few of all numbers are near one of the results: 0.1 % of those of float32 from 2^-16 to
// 2^16, together with those of few digits.
func maxPlain(unit, power float64) float64 {
	switch {
	case unit != 1:
		return 64
	case power == 4:
		return 4096
	}
	return 1 << 16
}

func all(rows [][]float64, f func([]float64) bool) bool {
	return !slices.ContainsFunc(rows, func(row []float64) bool { return !f(row) })
}

// progressionTolerance is relative to the largest number of a progression: a table is computed in float32 (2^-24 a step).
const progressionTolerance = 1e-6

// isProgression reports whether three numbers or more are an arithmetic or geometric progression.
func isProgression(v []float64) bool {
	if len(v) < 3 {
		return false
	}
	size := largest(v)
	step := (v[len(v)-1] - v[0]) / float64(len(v)-1)
	ratio := 0.0
	if v[0] != 0 {
		ratio = math.Pow(math.Abs(v[len(v)-1]/v[0]), 1/float64(len(v)-1))
	}
	sums, products := true, ratio > 0 && v[0]*v[len(v)-1] > 0
	for i, x := range v {
		sums = sums && math.Abs(x-(v[0]+float64(i)*step)) <= progressionTolerance*size
		want := v[0] * math.Pow(ratio, float64(i))
		products = products && math.Abs(x-want) <= 8*progressionTolerance*math.Abs(want)
	}
	return sums || products
}

// isWaves reports whether each column of a table is a sine or cosine of equidistant positions: then x[i+1] + x[i-1] is
// x[i] times one constant, twice the cosine of the step, and no value is above 1.
func isWaves(values []float64, dims []int64) bool {
	dims = withoutOnes(dims)
	if len(dims) != 2 || dims[0] < 4 || largest(values) > 1+1e-6 {
		return false
	}
	rows, columns := int(dims[0]), int(dims[1])
	for c := range columns {
		dot, square := 0.0, 0.0
		for i := 1; i < rows-1; i++ {
			x := values[i*columns+c]
			dot += x * (values[(i-1)*columns+c] + values[(i+1)*columns+c])
			square += x * x
		}
		if square == 0 {
			continue
		}
		constant := dot / square
		for i := 1; i < rows-1; i++ {
			around := values[(i-1)*columns+c] + values[(i+1)*columns+c]
			if math.Abs(around-constant*values[i*columns+c]) > 4e-6 {
				return false
			}
		}
	}
	return true
}
