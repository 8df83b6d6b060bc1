package softmax

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// softmaxLoss is the negative log-likelihood of the label under the softmax of the
// scores, times the weight of its class.
type Loss struct{ Weight []float64 }

// residual keeps the digits of small losses: what is left where classes are told apart, at a
// large C, lies below the rounding of 1.
func (l Loss) Residual(row []float64, label int) float64 {
	own, top, rest := row[label], slices.Max(row), 0.0
	for c, s := range row {
		row[c] = math.Exp(s - top)
		if c != label {
			rest += row[c]
		}
	}
	weight, sum := l.Weight[label], rest+row[label]
	floats.Scale(weight/sum, row)
	row[label] = -weight * rest / sum
	if own == top {
		return weight * math.Log1p(rest)
	}
	return weight * (math.Log(sum) + top - own)
}

// curvature is p (1 - p): a residual is p, or p - 1 for the label, times the weight.
func (l Loss) Curvature(residual []float64, label int) float64 {
	weight, sum := l.Weight[label], 0.0
	for _, r := range residual {
		r = math.Abs(r)
		sum += r * max(0, 1-r/weight) // rounding may leave p above 1
	}
	return sum / float64(len(residual))
}

func (l Loss) InterceptCurvature(dst, residual []float64, label int) {
	weight := l.Weight[label]
	for c, r := range residual {
		r = math.Abs(r)
		dst[c] += r * max(0, 1-r/weight)
	}
}

// hessianColumn is a column of weight * (diag(p) - p p^T). A residual is p, or minus what is left
// of 1 for the label, times the weight, and so keeps the digits of a p near 1.
func (l Loss) HessianColumn(dst, residual []float64, label, c int) {
	weight := l.Weight[label]
	p := residual[c] / weight
	if c == label {
		p++
	}
	floats.ScaleTo(dst, -p, residual)
	dst[label] -= p * weight
	r := math.Abs(residual[c])
	dst[c] = r * max(0, 1-r/weight)
}
