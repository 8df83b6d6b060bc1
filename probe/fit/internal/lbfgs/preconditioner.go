package lbfgs

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/definite"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// maxInverseDim is the largest number of features with a full preconditioner: the inverse takes d^3 operations and
// d^2 values.
const maxInverseDim = 2048

// gramRowsPerDim is how many rows per feature the preconditioner is computed from. It only has to resemble the
// Hessian; with more rows the number of iterations stays the same.
const gramRowsPerDim = 4

// preconditioner is the inverse of an approximation of the Hessian: the sum of a matrix M that is the same for all
// classes,
//
//	M = sum_i h_i x_i x_i^T + penalty,
//
// with h_i the mean over the classes of the loss's second derivatives in row i, and the constant 1 among the
// features; and of the second derivatives of the sharp rows, which differ between classes; see [sharpRows]. Böhning
// and Lindsay (Monotonicity of quadratic approximation algorithms, 1988) bound the Hessian with h_i = 1/2; the h_i of
// the current point are much smaller where the classes are separated. With more than maxInverseDim features, M is
// replaced by its diagonal.
type preconditioner struct {
	inverse []float64 // width x width, or nil
	diag    []float64 // reciprocals, if inverse is nil
	sharp   *sharpRows
	full    bool // as above; false = only diag, from a sample of the rows
}

// update computes p at the current point of d.
func (p *preconditioner) update(ctx context.Context, d *Descent) error {
	if p.full = p.full || d.small(); !p.full {
		s, err := d.sample(ctx)
		if err != nil {
			return err
		}
		if p.full = s.illConditioned(d.grad); !p.full {
			p.useSample(s)
			return nil
		}
	}
	h, err := d.curvatures(ctx)
	if err != nil {
		return err
	}
	mean := floats.Sum(h) / float64(d.N)
	if p.sharp, err = d.findSharp(p.sharp, h, mean); err != nil {
		return err
	}
	if err := p.updateCommon(ctx, d, h, mean*float64(d.N)); err != nil {
		return err
	}
	p.sharp.join(d.Workers, p)
	return nil
}

// useSample sets the inverse to that of the diagonal of the Hessian at w = 0, whose size L-BFGS corrects. Diagonals of
// later points took as many iterations.
func (p *preconditioner) useSample(s *sample) {
	p.inverse, p.sharp, p.diag = nil, nil, make([]float64, len(s.diag))
	for j, v := range s.diag {
		p.diag[j] = 1 / v
	}
}

// updateCommon computes M for the curvatures h of the rows. The curvature along the intercept, which has no penalty
// as a lower bound, is set to total.
func (p *preconditioner) updateCommon(ctx context.Context, d *Descent, h []float64, total float64) error {
	if d.Width > maxInverseDim {
		return p.useDiagonal(ctx, d, h, total)
	}
	p.inverse = scaled.Resized(p.inverse, d.Width*d.Width)
	stride := max(1, d.N/(gramRowsPerDim*d.Width))
	if err := d.Gram(ctx, p.inverse, h, stride, nil); err != nil {
		return err
	}
	blocks := scaled.CeilDiv(d.N, scaled.BlockRows)
	floats.Scale(float64(blocks)/float64(scaled.CeilDiv(blocks, stride)), p.inverse)
	d.addPenalty(p.inverse, total)
	if !definite.Invert(d.Workers, p.inverse, d.Width) {
		return p.useDiagonal(ctx, d, h, total)
	}
	return nil
}

// curvatures returns the mean over the classes of the loss's second derivatives, row by row.
func (d *Descent) curvatures(ctx context.Context) ([]float64, error) {
	h := make([]float64, d.N)
	err := d.Pass(ctx, scaled.MaxChunks, func(b *scaled.Block) {
		scores := d.scores(b)
		for i := range b.N {
			row, label := scores[i*d.rows:i*d.rows+d.K], d.Y[b.Lo+i]
			d.loss.Residual(row, label)
			h[b.Lo+i] = d.loss.Curvature(row, label)
		}
	})
	return h, err
}

// curved returns the rows of b times their curvatures h. They are valid until b is reused.
func (d *Descent) curved(b *scaled.Block, h []float64) []float64 {
	b.Curved = scaled.Resized(b.Curved, b.N*d.Width)
	for i := range b.N {
		floats.ScaleTo(b.Curved[i*d.Width:(i+1)*d.Width], h[b.Lo+i], b.X[i*d.Width:(i+1)*d.Width])
	}
	return b.Curved
}

// addPenalty adds the penalty to the Gram matrix. total is the curvature along the intercept.
func (d *Descent) addPenalty(gram []float64, total float64) {
	w := d.Width
	for j := range w {
		gram[j*w+j]++ // penalty, or padding
	}
	gram[d.D*w+d.D] = max(total, math.SmallestNonzeroFloat32) + d.penalty
}

func (p *preconditioner) useDiagonal(ctx context.Context, d *Descent, h []float64, total float64) error {
	p.inverse, p.diag = nil, make([]float64, d.Width)
	err := d.NewSums(d.Width).Add(ctx, p.diag, func(acc []float64, b *scaled.Block) {
		curved := d.curved(b, h)
		for i, v := range curved {
			acc[i%d.Width] += v * b.X[i]
		}
	})
	for j, v := range p.diag {
		p.diag[j] = 1 / (v + 1)
	}
	p.diag[d.D] = 1 / (max(total, math.SmallestNonzeroFloat32) + d.penalty)
	return err
}

// solve sets dst to the inverse applied to x (classes x width).
func (p *preconditioner) solve(workers int, dst, x []float64, width int) {
	p.solveCommon(workers, dst, x, width)
	p.sharp.correct(workers, dst)
}

// solveCommon sets dst to M^-1 applied to every row of x. Their number is a multiple of dense.RowTile.
func (p *preconditioner) solveCommon(workers int, dst, x []float64, width int) {
	if p.inverse == nil {
		for i, v := range x {
			dst[i] = v * p.diag[i%width]
		}
		return
	}
	scaled.Parallel(workers, len(x)/width/dense.RowTile, func(task int) {
		lo, hi := task*dense.RowTile*width, (task+1)*dense.RowTile*width
		dense.MulTrans(dst[lo:hi], x[lo:hi], p.inverse, dense.RowTile, width, width)
	})
}
