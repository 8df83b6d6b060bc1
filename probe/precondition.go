package probe

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/internal/dense"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
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
	d       *descent
	inverse []float64 // width x width, or nil
	diag    []float64 // reciprocals, where inverse is nil
}

func newPrecondition(ctx context.Context, d *descent) (*precondition, error) {
	p := &precondition{d: d}
	stride := max(1, d.n/(gramRowsPerDim*d.width))
	if d.width > maxInverseDim {
		return p, p.useDiagonal(ctx)
	}
	gram := make([]float64, d.width*d.width)
	err := d.newSums(len(gram)).add(ctx, gram, stride, func(acc []float64, b *block) {
		curved := p.curved(b)
		dense.AddGram(acc, curved, b.x, b.n, d.width)
	})
	if err != nil {
		return nil, err
	}
	blocks := ceilDiv(d.n, blockRows)
	floats.Scale(float64(blocks)/float64(ceilDiv(blocks, stride)), gram)
	if !p.invert(gram) {
		return p, p.useDiagonal(ctx)
	}
	return p, nil
}

// curved returns the rows of b times their curvature.
func (p *precondition) curved(b *block) []float64 {
	d := p.d
	scores, curved := d.scores(b), make([]float64, b.n*d.width)
	for i := range b.n {
		row, label := scores[i*d.rows:i*d.rows+d.k], d.y[b.lo+i]
		d.loss.residual(row, label)
		floats.AddScaled(curved[i*d.width:(i+1)*d.width], d.loss.curvature(row, label), b.x[i*d.width:(i+1)*d.width])
	}
	return curved
}

// invert sets the inverse from the lower triangle of the sum; false if it is not
// positive definite in double precision.
func (p *precondition) invert(gram []float64) bool {
	w, d := p.d.width, p.d.d
	for j := range w {
		switch {
		case j == d:
			gram[j*w+j] = max(gram[j*w+j], math.SmallestNonzeroFloat32) + p.d.penalty
		default:
			gram[j*w+j]++ // penalty, or padding
		}
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: w, Stride: w, Data: gram})
	if !ok {
		return false
	}
	if _, ok := lapack64.Potri(t); !ok {
		return false
	}
	for i := range w {
		for j := range i {
			gram[j*w+i] = gram[i*w+j]
		}
	}
	p.inverse = gram
	return true
}

func (p *precondition) useDiagonal(ctx context.Context) error {
	d := p.d
	p.inverse, p.diag = nil, make([]float64, d.width)
	err := d.newSums(d.width).add(ctx, p.diag, 1, func(acc []float64, b *block) {
		curved := p.curved(b)
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

// solve sets dst to M^-1 applied to every row of x.
func (p *precondition) solve(dst, x []float64) {
	w := p.d.width
	if p.inverse == nil {
		for i, v := range x {
			dst[i] = v * p.diag[i%w]
		}
		return
	}
	parallel(p.d.workers, p.d.rows/dense.RowTile, func(task int) {
		lo, hi := task*dense.RowTile*w, (task+1)*dense.RowTile*w
		dense.MulTrans(dst[lo:hi], x[lo:hi], p.inverse, dense.RowTile, w, w)
	})
}
