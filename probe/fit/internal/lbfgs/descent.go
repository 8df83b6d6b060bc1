// Package lbfgs minimises the loss of linear classifiers with a squared L2 penalty by L-BFGS with a preconditioner.
//
// Evaluations are in single precision until the relative gradient norm is 1e-4 or the tolerance, then in double
// precision; see single.go. On 10,000 x 768 x 40 features, with a diagonal, an iteration takes 20 ms of a core instead
// of 40.
//
// The preconditioner is the inverse of an approximation of the Hessian: a matrix that is the same for all classes, plus
// the exact second derivatives of up to 1,024 sharp rows. It is computed after 8 and then every 40 iterations; a new
// one starts a new history. Where a few steps of conjugate gradients show that the features are well-conditioned, it is
// a diagonal that is kept; see conditioning.go. To a relative gradient of 1e-3, processor seconds and iterations:
//
//	features                                        double, full   double, diagonal   as it is
//	10,000 x 768 x 40, isotropic, separation .25    3.8 (54)       2.2 (38)           1.1 (37)
//	the same, separation .05                        8.9 (174)      5.0 (128)          2.6 (132)
//	the same, spectrum j^-1.4, C 100                3.6 (59)       10.5 (255)         2.1 (58)
//	3,991 x 1,024 x 10 of a PointNet                1.8 (59)       6.1 (627)          1.4 (59)
//
// Truncated Newton with conjugate gradients takes as many Hessian products as L-BFGS takes evaluations, and 8 to 15
// evaluations more: 37 + 8, 65 + 10, 41 + 10, 34 + 11 and 67 + 15 instead of 34, 54, 27, 24 and 50 on smaller features
// of these kinds, so that products in single precision gain nothing on evaluations in single precision.
//
// Fits of few parameters continue with Newton's method after 100 iterations; see newton.go.
package lbfgs

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// Loss is a convex loss of class scores, summed over the rows. It is invariant to adding the same amount to all
// scores of a row.
type Loss interface {
	// Residual replaces the scores of a row by the derivatives of the loss and returns the loss.
	Residual(row []float64, label int) float64
	// Curvature returns the mean over the classes of the loss's second derivatives, given residuals: the scale of the
	// row's part of the Hessian.
	Curvature(residual []float64, label int) float64
	// InterceptCurvature adds the second derivative with respect to the score of each class to dst.
	InterceptCurvature(dst, residual []float64, label int)
	// ResidualsSingle is Residual in single precision for a block of rows, stride scores apart, of k classes, with these
	// labels. Scores beyond the k classes become 0.
	ResidualsSingle(scores []float32, stride, k int, labels []int) (loss float64)
	// HessianColumn sets dst to the second derivatives with respect to the score of class c and that of each class,
	// given residuals.
	HessianColumn(dst, residual []float64, label, c int)
}

// A full preconditioner is computed again after firstRefresh iterations, since the Hessian changes most at first, and
// then every refreshEvery iterations. A diagonal is kept, and replaced by a full one after diagonalLasts iterations.
const (
	firstRefresh  = 8
	refreshEvery  = 40
	diagonalLasts = 200
)

// Descent minimises
//
//	f(W, b) = sum_i loss(W x_i + b) + 0.5 * ||W||^2 + 0.5 * penalty * ||b||^2
//
// by L-BFGS (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4), whose initial inverse Hessian
// is a preconditioner instead of a multiple of the identity. Value and gradient of a point take one pass over the
// rows.
type Descent struct {
	*scaled.Problem
	loss    Loss
	penalty float64 // of the intercepts: 0 or 1
	last    *Descent
	rows    int // k, padded
	pre     *preconditioner
	stale   bool // pre is computed again before it is used
	sums    *scaled.Sums
	single  *single // evaluations are in single precision; nil = in double precision

	w, grad []float64 // rows x width
	f       float64
	curve   []float64 // curvature along each intercept

	reach      float64 // the last step, as a share of the direction
	iterations int
	done       bool // best meets the tolerance; in single precision, that of single
	best       []float64
	bestF      float64
	bestNorm   float64
	improved   int // the iteration of best

	steps []step      // the last ones, oldest first
	taken int         // number of steps ever kept
	spare [][]float64 // buffers of forgotten steps, for reuse

	inverse, before []float64 // pre's inverse times the gradient, and the same before the last step
	inverseAt       int       // value of taken when inverse was computed; noInverse = pre has changed since

	total, q, dir []float64 // buffers of evaluate and direction
}

// Options sets where a descent starts. Zero values are the defaults.
type Options struct {
	// Start are weights and intercepts of scaled features, rows x width, padded, which the descent owns afterwards;
	// nil = 0.
	Start   []float64
	Penalty float64 // of the intercepts: 0 or 1
	// Last is a descent that has ended, on the same rows with another C: its steps and its preconditioner are reused,
	// and it must not be used afterwards; nil = none.
	Last *Descent
}

// Minimize minimises the sum of the losses until the tolerance is met, p.MaxIter iterations are made, or rounding
// allows no further progress. It returns ctx's error soon after ctx ends.
func Minimize(ctx context.Context, p *scaled.Problem, l Loss, opt Options) (*Descent, error) {
	d := newDescent(p, l, opt)
	return d, d.minimize(ctx)
}

func newDescent(p *scaled.Problem, l Loss, opt Options) *Descent {
	rows := dense.PadRows(p.K)
	size := rows * p.Width
	if opt.Start == nil {
		opt.Start = make([]float64, size)
	}
	d := &Descent{
		Problem: p, loss: l, penalty: opt.Penalty, last: opt.Last, rows: rows,
		sums: p.NewSums(size + p.K + 1), w: opt.Start, grad: make([]float64, size), curve: make([]float64, p.K),
		bestF: math.Inf(1), reach: 1, pre: &preconditioner{}, stale: true, inverseAt: noInverse,
	}
	d.balance(d.w)
	return d
}

// balance subtracts the mean over the classes from v (rows x width). At the optimum that mean is zero: the loss is
// invariant to it and the penalty is least without it. The preconditioner has curvature in its direction and the loss
// has none, so that a mean brought in by rounding or by a start would decay slowly: a start that had one took four
// times the iterations of a cold fit.
func (d *Descent) balance(v []float64) {
	mean := make([]float64, d.Width)
	for c := range d.K {
		floats.Add(mean, v[c*d.Width:(c+1)*d.Width])
	}
	for c := range d.K {
		floats.AddScaled(v[c*d.Width:(c+1)*d.Width], -1/float64(d.K), mean)
	}
}

// minimize runs until the tolerance is met, MaxIter iterations are made, or rounding allows no further progress.
func (d *Descent) minimize(ctx context.Context) error {
	if err := d.begin(ctx); err != nil {
		return err
	}
	for since, stuck := 0, 0; d.iterations < d.MaxIter && stuck < 2; d.iterations++ {
		if d.single.ended(d) {
			if err := d.refine(ctx); err != nil {
				return err
			}
		}
		if d.done {
			break
		}
		if d.due(since) {
			if d.iterations > 0 { // steps from Options.Last are kept at first
				d.forget(len(d.steps)) // old steps with a new inverse took up to a third more iterations
			}
			if err := d.renew(ctx); err != nil {
				return err
			}
			since = 0
		}
		since++
		before := d.bestNorm
		ok, err := d.iterate(ctx, d.iterations)
		if err != nil {
			return err
		}
		if ok {
			stuck = 0
			continue
		}
		// Rounding misled the line search: start again from the best point.
		d.forget(len(d.steps))
		d.stale = true
		if d.single != nil {
			if err := d.refine(ctx); err != nil {
				return err
			}
			continue
		}
		stuck++
		if d.bestNorm < before {
			stuck = 0
		}
		copy(d.w, d.best)
		if err := d.evaluate(ctx); err != nil {
			return err
		}
	}
	if d.single != nil {
		return d.refine(ctx) // MaxIter iterations were made in single precision
	}
	return nil
}

// due reports whether the preconditioner is computed, since iterations after the last time.
func (d *Descent) due(since int) bool {
	if d.iterations == diagonalLasts && !d.pre.full {
		d.pre.full, d.stale = true, true
	}
	return d.stale || d.pre.full && (since >= refreshEvery || d.iterations == firstRefresh)
}

// renew computes the preconditioner at w.
func (d *Descent) renew(ctx context.Context) error {
	if err := d.pre.update(ctx, d); err != nil {
		return err
	}
	d.stale, d.inverseAt = false, noInverse
	return nil
}

// iterate makes one step; ok is false if the line search found no point.
func (d *Descent) iterate(ctx context.Context, iteration int) (ok bool, err error) {
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
	search := &convexSearch{noise: d.noise()}
	t := d.firstTrial()
	search.Init(d.f, slope, t)
	for {
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
	d.reach = t
	floats.SubTo(from, d.w, from)
	floats.SubTo(fromGrad, d.grad, fromGrad)
	d.remember(from, fromGrad)
	return true, nil
}

// firstTrial returns the share of a direction with which a search begins. Where classes are separated, the curvature
// grows a thousandfold between two points, and ten directions in a row are several times too long: each search would
// begin with an evaluation in vain.
func (d *Descent) firstTrial() float64 { return min(1, 2*d.reach) }

// evaluate computes value and gradient at w and updates the best point: the first that meets the tolerance, before
// that the lowest.
func (d *Descent) evaluate(ctx context.Context) error {
	if d.single != nil {
		return d.single.evaluate(ctx, d)
	}
	size := d.rows * d.Width
	d.total = scaled.Resized(d.total, size+d.K+1)
	sum := d.total
	err := d.sums.Add(ctx, sum, func(acc []float64, b *scaled.Block) {
		scores := d.scores(b)
		for i := range b.N {
			row, label := scores[i*d.rows:i*d.rows+d.K], d.Y[b.Lo+i]
			acc[size+d.K] += d.loss.Residual(row, label)
			d.loss.InterceptCurvature(acc[size:size+d.K], row, label)
		}
		d.clearPadding(scores, b)
		dense.AddTransMul(acc[:size], scores, b.X, b.N, d.rows, d.Width)
	})
	if err != nil {
		return err
	}
	copy(d.grad, sum)
	copy(d.curve, sum[size:])
	d.f = sum[size+d.K] + d.penalise()
	d.keep()
	return nil
}

// scores returns the padded scores of a block. They are valid until the block is reused.
func (d *Descent) scores(b *scaled.Block) []float64 {
	b.Scores = scaled.Resized(b.Scores, b.Padded*d.rows)
	dense.MulTrans(b.Scores, b.X, d.w, b.Padded, d.rows, d.Width)
	return b.Scores
}

// clearPadding sets the residuals of the padding classes to zero.
func (d *Descent) clearPadding(residuals []float64, b *scaled.Block) {
	for i := range b.N {
		clear(residuals[i*d.rows+d.K : (i+1)*d.rows])
	}
}

// penalise adds the gradient of the penalty and returns its value.
func (d *Descent) penalise() float64 {
	sum := 0.0
	for c := range d.K {
		row, grad := d.w[c*d.Width:(c+1)*d.Width], d.grad[c*d.Width:(c+1)*d.Width]
		sum += floats.Dot(row[:d.D], row[:d.D]) + d.penalty*row[d.D]*row[d.D]
		floats.Add(grad[:d.D], row[:d.D])
		grad[d.D] += d.penalty * row[d.D]
	}
	return 0.5 * sum
}

func (d *Descent) keep() {
	norm := floats.Norm(d.grad, 2)
	ok := d.scaledNorm() <= d.goal()*math.Sqrt(2*d.f)
	noise := d.noise() * d.f
	better := d.f < d.bestF-noise || d.f <= d.bestF+noise && norm < d.bestNorm
	if d.done || !ok && !better {
		return
	}
	d.done, d.improved = ok, d.iterations
	d.best = append(d.best[:0], d.w...)
	d.bestF, d.bestNorm = d.f, norm
}

// scaledNorm returns the left side of the convergence test. f is strongly convex with modulus 1 in all that is
// penalised, so that half the squared gradient norm bounds the distance of f from its minimum. For an intercept
// without penalty the modulus is its curvature where that is below 1.
func (d *Descent) scaledNorm() float64 {
	sum := floats.Dot(d.grad, d.grad)
	if d.single != nil { // the curvature is not known there
		return math.Sqrt(sum)
	}
	for c, h := range d.curve {
		if g := d.grad[c*d.Width+d.D]; g != 0 && d.penalty == 0 && h < 1 {
			sum += g*g/h - g*g
		}
	}
	return math.Sqrt(sum)
}

// Optimum is the best point of a descent.
type Optimum struct {
	Params       []float64 // weights and intercepts of scaled features, rows x width; read only
	Value        float64
	GradientNorm float64 // Euclidean
	Iterations   int
	Converged    bool // the tolerance is met
}

// Optimum returns the best point found.
func (d *Descent) Optimum() Optimum {
	return Optimum{Params: d.best, Value: d.bestF, GradientNorm: d.bestNorm, Iterations: d.iterations, Converged: d.done}
}
