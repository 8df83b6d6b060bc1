package fit

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

func init() {
	register(Solver{
		Name:  "logistic",
		Doc:   "multinomial logistic regression, L2, free intercepts: C * sum(log loss) + 0.5 * ||W||^2",
		Start: "weights and intercepts that the first step is taken from",
		fit:   fitLogistic,
	})
}

// fitLogistic minimises scikit-learn's objective of multinomial logistic regression,
//
//	f(W, b) = C * sum_i -log softmax(W x_i + b)[y_i] + 0.5 * ||W||^2,
//
// by [descent].
//
// It works on centred features, which leaves the optimal W as it is and takes W times
// the mean from the intercepts, because those are not penalised. It has converged when
//
//	sqrt(||grad_W f||^2 + sum_c (grad_b f)_c^2 / min(1, h_c)) <= Tol * sqrt(2 f)
//
// with h_c = C * sum_i p_ic (1 - p_ic), the curvature along the intercept of class c. f
// is strongly convex in W with modulus 1, and ||W||^2 <= 2 f, so that then f lies
// within a share of about Tol^2 of its minimum and W within Tol * sqrt(2 f) of the
// optimum. Rounding allows about 1e-8; the default 1e-6 keeps away from it.
func fitLogistic(ctx context.Context, p *problem) (*solution, error) {
	if err := p.checkLinearStart(); err != nil {
		return nil, err
	}
	if err := p.center(ctx); err != nil {
		return nil, err
	}
	d := newDescent(p, softmaxLoss{p.weight}, 0)
	iterations, err := d.minimize(ctx)
	if err != nil {
		return nil, err
	}
	p.trail.keep(d)
	s := d.result(iterations)
	a := &s.layers[0]
	// One constant may be added to all intercepts; theirs, of plain features, have the
	// sum 0.
	shift := floats.Sum(a.b)
	for c := range a.b {
		row := slices.Clone(a.w[c*p.d : (c+1)*p.d])
		floats.Mul(row, p.scale)
		shift -= floats.Dot(row, p.mean)
	}
	floats.AddConst(-shift/float64(p.k), a.b)
	return s, nil
}

// softmaxLoss is the negative log-likelihood of the label under the softmax of the
// scores, times the weight of its class.
type softmaxLoss struct{ weight []float64 }

// residual keeps the digits of small losses: what is left where classes are told apart, at a
// large C, lies below the rounding of 1.
func (l softmaxLoss) residual(row []float64, label int) float64 {
	own, top, rest := row[label], slices.Max(row), 0.0
	for c, s := range row {
		row[c] = math.Exp(s - top)
		if c != label {
			rest += row[c]
		}
	}
	weight, sum := l.weight[label], rest+row[label]
	floats.Scale(weight/sum, row)
	row[label] = -weight * rest / sum
	if own == top {
		return weight * math.Log1p(rest)
	}
	return weight * (math.Log(sum) + top - own)
}

// curvature is p (1 - p): a residual is p, or p - 1 for the label, times the weight.
func (l softmaxLoss) curvature(residual []float64, label int) float64 {
	weight, sum := l.weight[label], 0.0
	for _, r := range residual {
		r = math.Abs(r)
		sum += r * max(0, 1-r/weight) // rounding may leave p above 1
	}
	return sum / float64(len(residual))
}

func (l softmaxLoss) interceptCurvature(dst, residual []float64, label int) {
	weight := l.weight[label]
	for c, r := range residual {
		r = math.Abs(r)
		dst[c] += r * max(0, 1-r/weight)
	}
}

// hessianColumn is a column of weight * (diag(p) - p p^T). A residual is p, or minus what is left
// of 1 for the label, times the weight, and so keeps the digits of a p near 1.
func (l softmaxLoss) hessianColumn(dst, residual []float64, label, c int) {
	weight := l.weight[label]
	p := residual[c] / weight
	if c == label {
		p++
	}
	floats.ScaleTo(dst, -p, residual)
	dst[label] -= p * weight
	r := math.Abs(residual[c])
	dst[c] = r * max(0, 1-r/weight)
}
