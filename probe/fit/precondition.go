package fit

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// maxInverseDim bounds the features for which a full preconditioner is built: its
// inverse takes d^3 operations and d^2 values.
const maxInverseDim = 2048

// gramRowsPerDim is how many rows per feature the preconditioner looks at. It only has
// to resemble the Hessian; more rows change nothing that is visible in the iterations.
const gramRowsPerDim = 4

// precondition is the inverse of a matrix that resembles the Hessian: what its blocks of the
// classes have in common,
//
//	M = sum_i h_i x_i x_i^T + penalty,
//
// with h_i the mean over the classes of the loss's second derivatives in row i, and the
// constant 1 among the features; and the sharp rows, which have blocks of their own.
// Böhning and Lindsay (Monotonicity of quadratic approximation algorithms, 1988) bound the
// Hessian with h_i = 1/2; the actual h_i of the point reached are much smaller where the
// classes are told apart. Where the features are too many for a matrix, M is its diagonal.
type precondition struct {
	inverse []float64 // width x width, or nil
	diag    []float64 // reciprocals, where inverse is nil
	sharp   *sharpRows
}

// update sets p for the point that d has reached.
func (p *precondition) update(ctx context.Context, d *descent) error {
	h, err := d.curvatures(ctx)
	if err != nil {
		return err
	}
	mean := floats.Sum(h) / float64(d.n)
	if p.sharp, err = d.findSharp(p.sharp, h, mean); err != nil {
		return err
	}
	if err := p.updateCommon(ctx, d, h, mean*float64(d.n)); err != nil {
		return err
	}
	p.sharp.join(d.workers, p)
	return nil
}

// updateCommon sets M for the curvatures h of the rows. Of the intercept it has the curvature
// total instead, which the penalty does not bound below.
func (p *precondition) updateCommon(ctx context.Context, d *descent, h []float64, total float64) error {
	if d.width > maxInverseDim {
		return p.useDiagonal(ctx, d, h, total)
	}
	p.inverse = resized(p.inverse, d.width*d.width)
	stride := max(1, d.n/(gramRowsPerDim*d.width))
	if err := d.gram(ctx, p.inverse, h, stride); err != nil {
		return err
	}
	blocks := ceilDiv(d.n, blockRows)
	floats.Scale(float64(blocks)/float64(ceilDiv(blocks, stride)), p.inverse)
	d.addPenalty(p.inverse, total)
	if !invert(d.workers, p.inverse, d.width) {
		return p.useDiagonal(ctx, d, h, total)
	}
	return nil
}

// curvatures returns the mean over the classes of the loss's second derivatives, row by row.
func (d *descent) curvatures(ctx context.Context) ([]float64, error) {
	h := make([]float64, d.n)
	err := d.pass(ctx, maxChunks, func(b *block) {
		scores := d.scores(b)
		for i := range b.n {
			row, label := scores[i*d.rows:i*d.rows+d.k], d.y[b.lo+i]
			d.loss.residual(row, label)
			h[b.lo+i] = d.loss.curvature(row, label)
		}
	})
	return h, err
}

// gramBlocks is how many blocks of rows are in memory for a Gram matrix.
const gramBlocks = 8

// gram sets dst (width x width, the lower triangle) to the sum of h_i x_i x_i^T over every
// stride-th block of rows. The work is shared by strips of dst, which needs no partial sums: for
// 1,024 features they would take 8 MiB each.
func (d *descent) gram(ctx context.Context, dst, h []float64, stride int) error {
	clear(dst)
	group, errs := make([]*block, gramBlocks), make([]error, gramBlocks)
	for i := range group {
		group[i] = d.blocks.Get().(*block)
		defer d.blocks.Put(group[i])
	}
	for lo := 0; lo < d.n; lo += gramBlocks * stride * blockRows {
		loaded := min(gramBlocks, ceilDiv(d.n-lo, stride*blockRows))
		parallel(d.workers, loaded, func(i int) {
			if errs[i] = d.load(group[i], lo+i*stride*blockRows); errs[i] == nil {
				d.curved(group[i], h)
			}
		})
		for _, err := range append(errs, ctx.Err()) {
			if err != nil {
				return err
			}
		}
		parallel(d.workers, d.width/dense.ColTile, func(strip int) {
			for _, b := range group[:loaded] {
				dense.AddGramStrip(dst, b.curved, b.x, b.n, d.width, strip*dense.ColTile)
			}
		})
	}
	return nil
}

// curved returns the rows of b times their curvatures h. They are b's.
func (d *descent) curved(b *block, h []float64) []float64 {
	b.curved = resized(b.curved, b.n*d.width)
	for i := range b.n {
		floats.ScaleTo(b.curved[i*d.width:(i+1)*d.width], h[b.lo+i], b.x[i*d.width:(i+1)*d.width])
	}
	return b.curved
}

// addPenalty makes the sum over the rows the matrix that is to be inverted. total is the
// curvature along the intercept.
func (d *descent) addPenalty(gram []float64, total float64) {
	w := d.width
	for j := range w {
		gram[j*w+j]++ // penalty, or padding
	}
	gram[d.d*w+d.d] = max(total, math.SmallestNonzeroFloat32) + d.penalty
}

func (p *precondition) useDiagonal(ctx context.Context, d *descent, h []float64, total float64) error {
	p.inverse, p.diag = nil, make([]float64, d.width)
	err := d.newSums(d.width).add(ctx, p.diag, func(acc []float64, b *block) {
		curved := d.curved(b, h)
		for i, v := range curved {
			acc[i%d.width] += v * b.x[i]
		}
	})
	for j, v := range p.diag {
		p.diag[j] = 1 / (v + 1)
	}
	p.diag[d.d] = 1 / (max(total, math.SmallestNonzeroFloat32) + d.penalty)
	return err
}

// solve sets dst to the inverse applied to x (classes x width).
func (p *precondition) solve(workers int, dst, x []float64, width int) {
	p.solveCommon(workers, dst, x, width)
	p.sharp.correct(workers, dst)
}

// solveCommon sets dst to M^-1 applied to every row of x, of which there is a multiple of
// dense.RowTile.
func (p *precondition) solveCommon(workers int, dst, x []float64, width int) {
	if p.inverse == nil {
		for i, v := range x {
			dst[i] = v * p.diag[i%width]
		}
		return
	}
	parallel(workers, len(x)/width/dense.RowTile, func(task int) {
		lo, hi := task*dense.RowTile*width, (task+1)*dense.RowTile*width
		dense.MulTrans(dst[lo:hi], x[lo:hi], p.inverse, dense.RowTile, width, width)
	})
}
