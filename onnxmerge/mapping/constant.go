package mapping

import (
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// maxJudged is the largest constant in elements that is compared with formulas.
const maxJudged = 1 << 26

// judge decides about a target that no expression explains: it is kept if its values are those of a formula.
func (s *settler) judge(m *Mapping, g *target, suspects []*suspects) error {
	if g.tensor.Len() > maxJudged {
		m.Refused = append(m.Refused, Refused{Tensor: g.tensor, Reason: s.unexplained(g.tensor)})
		return nil
	}
	a, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, onnx.Float64)
	if err != nil {
		return err
	}
	if reason := formula(a.numbers(), a.dims, g.tensor.DType); reason != "" {
		if !g.uniform && !s.guessed {
			a, err := read(g.tensor, g.tensor.DType, g.tensor.Dims, g.tensor.DType)
			if err != nil {
				return err
			}
			if suspects, err = s.suspectsOfRuns(a); err != nil {
				return err
			}
		}
		m.Kept = append(m.Kept, Kept{g.tensor, reason, suspects})
		return nil
	}
	m.Refused = append(m.Refused, Refused{Tensor: g.tensor, Reason: s.unexplained(g.tensor)})
	return nil
}

// unexplained returns the reason why a tensor that has no candidate, and is no constant, is refused.
func (f *finder) unexplained(t *onnx.Tensor) string {
	if !f.guessed {
		return "no expression over the checkpoint gives its values, and they are those of no formula"
	}
	if named := f.checkpoint.Lookup(t.Name); named != nil && !slices.Equal(named.Dims, t.Dims) {
		return fmt.Sprintf("the checkpoint has it with the shape %v in place of %v: a head with another number of classes is replaced only with proof",
			named.Dims, t.Dims)
	}
	return "no tensor of the checkpoint is near to its values, and they are those of no formula"
}

// formula says by which formula the values of a constant are explained, "" if by none.
func formula(values []float64, dims []int64, dtype onnx.DType) string {
	distinct := map[float64]bool{}
	for _, v := range values {
		if distinct[v] = true; len(distinct) > 4096 {
			break
		}
	}
	how := plainOf(dtype, len(values))
	if len(distinct) <= 4096 && how.hasAll(distinct) {
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

func all(rows [][]float64, f func([]float64) bool) bool {
	return !slices.ContainsFunc(rows, func(row []float64) bool { return !f(row) })
}

// progressionTolerance is relative to the largest number of a progression: a table is computed in float32 (2^-24 a
// step).
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
