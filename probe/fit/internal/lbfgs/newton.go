package lbfgs

import (
	"context"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Where the classes are separable, few rows of each class contribute to the Hessian, and one inverse for all classes
// resembles no class's Hessian: on separable features of very different size L-BFGS took more than 1,000 iterations.
// A fit with at most maxFullDim parameters that has not converged after fullFrom iterations continues with Newton's
// method.
const (
	fullFrom   = 100
	maxFullDim = 1024 // rows of the Hessian, padded: 8 MiB
)

// usesFullHessian reports whether an iteration is a step of Newton's method.
func (d *Descent) usesFullHessian(iteration int) bool {
	return iteration >= fullFrom && d.K*d.Width <= maxFullDim
}

// newton returns minus the inverse Hessian times the gradient; false if the Hessian is not positive definite in
// double precision.
func (d *Descent) newton(ctx context.Context) (dir []float64, ok bool, err error) {
	blocks := make([]float64, d.K*(d.K+1)/2*d.Width*d.Width)
	err = d.NewSums(len(blocks)).Add(ctx, blocks, d.addCurvature)
	if err != nil {
		return nil, false, err
	}
	size := d.D + 1
	n := d.K * size
	hess, g := d.joinBlocks(blocks), make([]float64, n)
	// The loss is invariant to a common change of all intercepts, so that the Hessian is singular without a term for
	// it. balance removes its effect.
	common := floats.Sum(d.curve) / float64(d.K*d.K)
	for c := range d.K {
		for j := range d.D {
			hess[(c*size+j)*(n+1)]++
		}
		for e := range d.K {
			hess[(c*size+d.D)*n+e*size+d.D] += common
		}
		copy(g[c*size:(c+1)*size], d.grad[c*d.Width:])
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: n, Data: hess})
	if !ok {
		return nil, false, nil
	}
	lapack64.Potrs(t, blas64.General{Rows: n, Cols: 1, Stride: 1, Data: g})
	dir = make([]float64, len(d.w))
	for c := range d.K {
		floats.AddScaled(dir[c*d.Width:c*d.Width+size], -1, g[c*size:(c+1)*size])
	}
	d.balance(dir)
	return dir, true, nil
}

// addCurvature adds the Hessian of the loss of the rows of b to acc: for every pair of classes
// e <= c, in the order (0,0), (1,0), (1,1), ..., a matrix (width x width).
func (d *Descent) addCurvature(acc []float64, b *scaled.Block) {
	scores, h := d.scores(b), make([]float64, b.N*d.K*d.K)
	for i := range b.N {
		row, label := scores[i*d.rows:i*d.rows+d.K], d.Y[b.Lo+i]
		d.loss.Residual(row, label)
		for c := range d.K {
			d.loss.HessianColumn(h[(i*d.K+c)*d.K:(i*d.K+c+1)*d.K], row, label, c)
		}
	}
	b.Curved = scaled.Resized(b.Curved, b.N*d.Width)
	curved, area := b.Curved, d.Width*d.Width
	for c := range d.K {
		for e := range c + 1 {
			for i := range b.N {
				floats.ScaleTo(curved[i*d.Width:(i+1)*d.Width], h[(i*d.K+c)*d.K+e], b.X[i*d.Width:(i+1)*d.Width])
			}
			at := (c*(c+1)/2 + e) * area
			dense.AddTransMul(acc[at:at+area], curved, b.X, b.N, d.Width, d.Width)
		}
	}
}

// joinBlocks returns the lower triangle of the matrix that consists of these blocks, without padding.
func (d *Descent) joinBlocks(blocks []float64) []float64 {
	size := d.D + 1
	n := d.K * size
	joined := make([]float64, n*n)
	for c := range d.K {
		for e := range c + 1 {
			from := blocks[(c*(c+1)/2+e)*d.Width*d.Width:]
			for j := range size {
				copy(joined[(c*size+j)*n+e*size:][:size], from[j*d.Width:])
			}
		}
	}
	return joined
}
