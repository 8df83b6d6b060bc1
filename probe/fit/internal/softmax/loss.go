// Package softmax has the loss of multinomial logistic regression, with its derivatives.
package softmax

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Loss is the negative log-likelihood of the label under the softmax of the scores, times the weight of its class. It
// implements lbfgs.Loss.
type Loss struct{ Weight []float64 }

// Residual replaces the scores of a row by the derivatives of the loss and returns the loss. Small losses keep their
// digits: with separated classes and a large C they are below the rounding of 1.
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

// Curvature returns the mean over the classes of p (1 - p), times the weight. A residual is p, or p - 1 for the
// label, times the weight.
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

// HessianColumn sets dst to a column of weight * (diag(p) - p p^T). The residual of the label is p - 1, computed as
// minus the sum of the other p, so that 1 - p keeps its digits for p near 1.
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
