package fit

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// loss is a convex loss of class scores, summed over the rows. It does not change when all
// scores of a row do by the same amount.
type loss interface {
	// residual replaces the scores of a row by the loss's derivatives and returns the
	// loss.
	residual(row []float64, label int) float64
	// curvature returns the mean over the classes of the loss's second derivatives,
	// given residuals: the scale of the row's part of the Hessian.
	curvature(residual []float64, label int) float64
	// interceptCurvature adds the second derivative by the score of each class to dst.
	interceptCurvature(dst, residual []float64, label int)
	// hessianColumn sets dst to the second derivatives by the score of class c and each of the
	// classes, given residuals.
	hessianColumn(dst, residual []float64, label, c int)
}

// The Hessian changes most at first, so that the preconditioner is made anew soon, and then
// seldom.
const (
	firstRefresh = 8
	refreshEvery = 40 // iterations
)

// descent minimises
//
//	f(W, b) = sum_i loss(W x_i + b) + 0.5 * ||W||^2 + 0.5 * penalty * ||b||^2
//
// by L-BFGS (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4)
// that starts from the inverse of a [precondition] instead of a multiple of the
// identity. Value and gradient of a point take one pass over the rows.
type descent struct {
	*problem
	loss    loss
	penalty float64 // of the intercepts: 0 or 1
	rows    int     // k, padded
	pre     *precondition
	stale   bool // pre is to be made anew before it is used
	sums    *sums

	w, grad []float64 // rows x width
	f       float64
	curve   []float64 // of each intercept

	done     bool // best satisfies the tolerance
	best     []float64
	bestF    float64
	bestNorm float64

	steps []step      // the last ones, oldest first
	taken int         // how many there were
	spare [][]float64 // the memory of those that were forgotten

	inverse, before []float64 // pre's inverse times the gradient, and the one before that
	inverseAt       int       // taken, when inverse was made; noInverse if pre is another since

	total, q, dir []float64 // of evaluate and direction
}

func newDescent(p *problem, l loss, penalty float64) *descent {
	rows := dense.PadRows(p.k)
	size := rows * p.width
	d := &descent{
		problem: p, loss: l, penalty: penalty, rows: rows,
		sums: p.newSums(size + p.k + 1), w: p.start(rows), grad: make([]float64, size), curve: make([]float64, p.k),
		bestF: math.Inf(1), pre: &precondition{}, stale: true, inverseAt: noInverse,
	}
	d.balance(d.w)
	return d
}

// balance subtracts the mean over the classes from v (rows x width). The loss does not see
// it and the penalty wants it to be zero, so that it is at the optimum; but the loss's
// curvature, which the preconditioner has in every direction, is missing there, and what
// rounding or a start brings in would decay slowly.
func (d *descent) balance(v []float64) {
	mean := make([]float64, d.width)
	for c := range d.k {
		floats.Add(mean, v[c*d.width:(c+1)*d.width])
	}
	for c := range d.k {
		floats.AddScaled(v[c*d.width:(c+1)*d.width], -1/float64(d.k), mean)
	}
}

// minimize runs until the tolerance is met, maxIter iterations are spent, or rounding
// leaves nothing to gain.
func (d *descent) minimize(ctx context.Context) (iterations int, err error) {
	if err := d.evaluate(ctx); err != nil {
		return 0, err
	}
	d.trail.inherit(d)
	for since, stuck := 0, 0; !d.done && iterations < d.maxIter && stuck < 2; iterations++ {
		if d.stale || since >= refreshEvery || iterations == firstRefresh {
			if iterations > 0 { // steps that another fit left are kept
				d.forget(len(d.steps)) // a Hessian made here knows more than they
			}
			if err := d.renew(ctx); err != nil {
				return 0, err
			}
			since = 0
		}
		since++
		before := d.bestNorm
		ok, err := d.iterate(ctx, iterations)
		if err != nil {
			return 0, err
		}
		if ok {
			stuck = 0
			continue
		}
		// Rounding misled the search: start again from the best point.
		stuck++
		if d.bestNorm < before {
			stuck = 0
		}
		d.forget(len(d.steps))
		d.stale = true
		copy(d.w, d.best)
		if err := d.evaluate(ctx); err != nil {
			return 0, err
		}
	}
	return iterations, nil
}

// renew makes the preconditioner for the point reached.
func (d *descent) renew(ctx context.Context) error {
	if err := d.pre.update(ctx, d); err != nil {
		return err
	}
	d.stale, d.inverseAt = false, noInverse
	return nil
}

// iterate takes one step; ok is false if the line search gave up.
func (d *descent) iterate(ctx context.Context, iteration int) (ok bool, err error) {
	var dir []float64
	if d.usesFullHessian(iteration) {
		if dir, ok, err = d.newton(ctx); err != nil {
			return false, err
		}
	}
	if !ok {
		dir = d.direction()
	}
	slope := floats.Dot(dir, d.grad)
	if !(slope < 0) {
		return false, nil
	}
	from, fromGrad := d.copyOf(d.w), d.copyOf(d.grad)
	search := &convexSearch{}
	search.Init(d.f, slope, 1)
	for t := 1.0; ; {
		floats.AddScaledTo(d.w, from, t, dir)
		if err := d.evaluate(ctx); err != nil {
			return false, err
		}
		op, next, err := search.Iterate(d.f, floats.Dot(dir, d.grad))
		if err != nil {
			return false, nil
		}
		if op == optimize.MajorIteration || d.done {
			break
		}
		t = next
	}
	floats.SubTo(from, d.w, from)
	floats.SubTo(fromGrad, d.grad, fromGrad)
	d.remember(from, fromGrad)
	return true, nil
}

// evaluate computes value and gradient at w and keeps the best point: the first that
// satisfies the tolerance, until then the lowest.
func (d *descent) evaluate(ctx context.Context) error {
	size := d.rows * d.width
	d.total = resized(d.total, size+d.k+1)
	sum := d.total
	err := d.sums.add(ctx, sum, func(acc []float64, b *block) {
		scores := d.scores(b)
		for i := range b.n {
			row, label := scores[i*d.rows:i*d.rows+d.k], d.y[b.lo+i]
			acc[size+d.k] += d.loss.residual(row, label)
			d.loss.interceptCurvature(acc[size:size+d.k], row, label)
		}
		d.clearPadding(scores, b)
		dense.AddTransMul(acc[:size], scores, b.x, b.n, d.rows, d.width)
	})
	if err != nil {
		return err
	}
	copy(d.grad, sum)
	copy(d.curve, sum[size:])
	d.f = sum[size+d.k] + d.penalise()
	d.keep()
	return nil
}

// scores returns the padded scores of a block. They are b's.
func (d *descent) scores(b *block) []float64 {
	b.scores = resized(b.scores, b.padded*d.rows)
	dense.MulTrans(b.scores, b.x, d.w, b.padded, d.rows, d.width)
	return b.scores
}

// clearPadding makes the residuals of classes that do not exist zero.
func (d *descent) clearPadding(residuals []float64, b *block) {
	for i := range b.n {
		clear(residuals[i*d.rows+d.k : (i+1)*d.rows])
	}
}

// penalise adds the penalty's gradient and returns its value.
func (d *descent) penalise() float64 {
	sum := 0.0
	for c := range d.k {
		row, grad := d.w[c*d.width:(c+1)*d.width], d.grad[c*d.width:(c+1)*d.width]
		sum += floats.Dot(row[:d.d], row[:d.d]) + d.penalty*row[d.d]*row[d.d]
		floats.Add(grad[:d.d], row[:d.d])
		grad[d.d] += d.penalty * row[d.d]
	}
	return 0.5 * sum
}

func (d *descent) keep() {
	norm := floats.Norm(d.grad, 2)
	ok := d.scaledNorm() <= d.tol*math.Sqrt(2*d.f)
	noise := valueNoise * d.f
	better := d.f < d.bestF-noise || d.f <= d.bestF+noise && norm < d.bestNorm
	if d.done || !ok && !better {
		return
	}
	d.done = ok
	d.best = append(d.best[:0], d.w...)
	d.bestF, d.bestNorm = d.f, norm
}

// scaledNorm is the left side of the convergence test. f is strongly convex with modulus
// 1 in all that is penalised, so that half its square bounds the distance of f from its
// minimum; an intercept that is not counts by its curvature where that is less.
func (d *descent) scaledNorm() float64 {
	sum := floats.Dot(d.grad, d.grad)
	for c, h := range d.curve {
		if g := d.grad[c*d.width+d.d]; g != 0 && d.penalty == 0 && h < 1 {
			sum += g*g/h - g*g
		}
	}
	return math.Sqrt(sum)
}

// result returns the best point as a solution.
func (d *descent) result(iterations int) *solution {
	return &solution{
		layers: []affine{d.unpad(d.best, d.k)}, objective: d.bestF, gradientNorm: d.bestNorm,
		iterations: iterations, converged: d.done,
	}
}
