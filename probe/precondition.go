package probe

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// maxInverseDim bounds the features for which a full preconditioner is built: its
// inverse takes d^3 operations and d^2 values.
const maxInverseDim = 2048

// gramRowsPerDim is how many rows per feature the preconditioner looks at. It only has
// to resemble the Hessian; more rows change nothing that is visible in the iterations.
const gramRowsPerDim = 4

// precondition is the inverse of what the Hessian's blocks of the classes have in common,
//
//	M = sum_i h_i x_i x_i^T + penalty,
//
// with h_i the mean over the classes of the loss's second derivatives in row i, and the
// constant 1 among the features. Böhning and Lindsay (Monotonicity of quadratic
// approximation algorithms, 1988) bound the Hessian with h_i = 1/2; the actual h_i of the
// point reached are much smaller where the classes are told apart. Where the features
// are too many for a matrix, M is its diagonal.
type precondition struct {
	inverse []float64 // width x width, or nil
	diag    []float64 // reciprocals, where inverse is nil
	sums    *sums     // of the matrix
}

// update sets p for the point that d has reached.
func (p *precondition) update(ctx context.Context, d *descent) error {
	if d.width > maxInverseDim {
		return p.useDiagonal(ctx, d)
	}
	if p.sums == nil {
		p.sums = d.newSums(d.width * d.width)
	}
	if p.inverse == nil {
		p.inverse = make([]float64, d.width*d.width)
	}
	stride := max(1, d.n/(gramRowsPerDim*d.width))
	err := p.sums.add(ctx, p.inverse, stride, func(acc []float64, b *block) {
		dense.AddGram(acc, d.curved(b), b.x, b.n, d.width)
	})
	if err != nil {
		return err
	}
	blocks := ceilDiv(d.n, blockRows)
	floats.Scale(float64(blocks)/float64(ceilDiv(blocks, stride)), p.inverse)
	d.addPenalty(p.inverse)
	if !invert(d.workers, p.inverse, d.width) {
		return p.useDiagonal(ctx, d)
	}
	return nil
}

// curved returns the rows of b times their curvature.
func (d *descent) curved(b *block) []float64 {
	scores, curved := d.scores(b), make([]float64, b.n*d.width)
	for i := range b.n {
		row, label := scores[i*d.rows:i*d.rows+d.k], d.y[b.lo+i]
		d.loss.residual(row, label)
		floats.AddScaled(curved[i*d.width:(i+1)*d.width], d.loss.curvature(row, label), b.x[i*d.width:(i+1)*d.width])
	}
	return curved
}

// addPenalty makes the sum over the rows the matrix that is to be inverted.
func (d *descent) addPenalty(gram []float64) {
	w := d.width
	for j := range w {
		gram[j*w+j]++ // penalty, or padding
	}
	at := d.d*w + d.d
	gram[at] = max(gram[at]-1, math.SmallestNonzeroFloat32) + d.penalty
}

func (p *precondition) useDiagonal(ctx context.Context, d *descent) error {
	p.inverse, p.diag = nil, make([]float64, d.width)
	err := d.newSums(d.width).add(ctx, p.diag, 1, func(acc []float64, b *block) {
		curved := d.curved(b)
		for i, v := range curved {
			acc[i%d.width] += v * b.x[i]
		}
	})
	for j, v := range p.diag {
		extra := 1.0
		if j == d.d {
			extra = d.penalty
		}
		p.diag[j] = 1 / max(v+extra, math.SmallestNonzeroFloat32)
	}
	return err
}

// solve sets dst to M^-1 applied to every row of x, each of width values.
func (p *precondition) solve(workers int, dst, x []float64, width int) {
	w := width
	if p.inverse == nil {
		for i, v := range x {
			dst[i] = v * p.diag[i%w]
		}
		return
	}
	parallel(workers, len(x)/w/dense.RowTile, func(task int) {
		lo, hi := task*dense.RowTile*w, (task+1)*dense.RowTile*w
		dense.MulTrans(dst[lo:hi], x[lo:hi], p.inverse, dense.RowTile, w, w)
	})
}
