package lbfgs

import (
	"context"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

// A descent of many values begins with evaluations in single precision, which take a third of the time, and is refined
// in double precision: the steps of the history, the direction and the convergence test are in double precision
// throughout.
const (
	// smallWork is the number of multiplications of an evaluation's first product up to which a fit takes milliseconds,
	// so that neither single precision nor a cheaper preconditioner pays.
	smallWork = 1 << 22
	// singleTol is the relative gradient norm at which single precision ends. A test bounds the difference from double
	// precision by a fifth of it.
	singleTol = 1e-4
	// singleNoise is [valueNoise] of single precision.
	singleNoise = 1e-6
	// singlePatience is the number of iterations without a better point after which single precision ends.
	singlePatience = 8
	// singleMargin makes it likely that a point that meets the tolerance in single precision meets it in double
	// precision.
	singleMargin = 0.95
)

// single evaluates a descent in single precision.
type single struct {
	sums *scaled.SingleSums
	w    []float32
}

// begin evaluates the start and takes over what the last descent left. A start at 0, or far from the optimum, is left
// in single precision.
func (d *Descent) begin(ctx context.Context) error {
	atZero := d.last == nil && !slices.ContainsFunc(d.w, func(v float64) bool { return v != 0 })
	if atZero && !d.small() {
		d.single = d.newSingle()
	}
	if err := d.evaluate(ctx); err != nil {
		return err
	}
	d.inherit(d.last)
	d.last = nil
	if !atZero && !d.small() && d.scaledNorm() > singleTol*math.Sqrt(2*d.f) {
		d.single = d.newSingle()
	}
	return nil
}

func (d *Descent) newSingle() *single {
	return &single{sums: d.NewSingleSums(len(d.w), 1), w: make([]float32, len(d.w))}
}

// small reports whether an evaluation takes less than smallWork.
func (d *Descent) small() bool { return d.N*d.rows*d.Width < smallWork }

// ended reports whether single precision has brought d as far as it can.
func (s *single) ended(d *Descent) bool {
	return s != nil && (d.done || d.iterations-d.improved > singlePatience)
}

// refine continues from the best point in double precision; from where it is if there is none, because features exceed
// single precision.
func (d *Descent) refine(ctx context.Context) error {
	d.single, d.done, d.bestF, d.inverseAt = nil, false, math.Inf(1), noInverse
	copy(d.w, d.best)
	return d.evaluate(ctx)
}

// goal returns the relative gradient norm at which the current precision ends.
func (d *Descent) goal() float64 {
	if d.single != nil {
		return max(singleMargin*d.Tol, singleTol)
	}
	return d.Tol
}

// noise returns the largest share of the value that rounding may add.
func (d *Descent) noise() float64 {
	if d.single != nil {
		return singleNoise
	}
	return valueNoise
}

// evaluate is [Descent.evaluate]. The curvature along the intercepts stays that of the last evaluation in double
// precision.
func (s *single) evaluate(ctx context.Context, d *Descent) error {
	for i, v := range d.w {
		s.w[i] = float32(v)
	}
	size := len(d.w)
	d.total = scaled.Resized(d.total, size+d.K+1)
	sum := d.total[:size+1]
	err := s.sums.Add(ctx, sum, func(acc []float32, precise []float64, b *scaled.SingleBlock) {
		b.Scores = scaled.Resized(b.Scores, b.Padded*d.rows)
		dense.MulTransSingleAhead(b.Scores, b.X, s.w, b.Padded, d.rows, d.Width, b.Ahead)
		precise[0] += d.loss.ResidualsSingle(b.Scores, d.rows, d.K, d.Y[b.Lo:b.Lo+b.N])
		dense.AddTransMulSingle(acc, b.Scores, b.X, b.N, d.rows, d.Width)
	})
	if err != nil {
		return err
	}
	copy(d.grad, sum)
	d.f = sum[size] + d.penalise()
	d.keep()
	return nil
}
