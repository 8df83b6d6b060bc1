// Package softmax has the loss of multinomial logistic regression, with its derivatives.
package softmax

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
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

// ResidualsSingle is Residual in single precision for a block of rows, stride scores apart, of k classes, whose labels
// are given. Scores beyond the k classes become 0. It returns the sum of the losses, which is exact to about 1e-6 of
// it.
func (l Loss) ResidualsSingle(scores []float32, stride, k int, labels []int) float64 {
	own := make([]float32, len(labels))
	for i, label := range labels {
		row := scores[i*stride : (i+1)*stride]
		dense.ScaleSingle(row[:k], 1, -dense.MaxSingle(row[:k]))
		clear(row[k:])
		own[i] = row[label]
	}
	dense.ExpSingle(scores[:len(labels)*stride])
	loss := 0.0
	for i, label := range labels {
		row := scores[i*stride : (i+1)*stride]
		e := float64(row[label])
		row[label] = 0
		rest, weight := float64(dense.SumSingle(row[:k])), l.Weight[label]
		dense.ScaleSingle(row[:k], float32(weight/(rest+e)), 0)
		row[label] = float32(-weight * rest / (rest + e))
		clear(row[k:])
		if own[i] == 0 {
			loss += weight * math.Log1p(rest)
		} else {
			loss += weight * (math.Log(rest+e) - float64(own[i]))
		}
	}
	return loss
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

// InterceptCurvature adds p (1 - p) of each class, times the weight, to dst.
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
