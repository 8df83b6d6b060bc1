package fit

import (
	"context"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Where the classes are told apart, a few rows of each curve the loss, and one inverse for all
// classes resembles no class's Hessian. A fit of few parameters that has not converged after
// fullFrom iterations goes on with Newton's method.
const (
	fullFrom   = 100
	maxFullDim = 1024 // of the Hessian, padded: 8 MiB
)

// usesFullHessian reports whether an iteration is one of Newton's.
func (d *descent) usesFullHessian(iteration int) bool {
	return iteration >= fullFrom && d.k*d.width <= maxFullDim
}

// newton returns minus the inverse Hessian times the gradient; false where the Hessian is not
// positive definite in double precision.
func (d *descent) newton(ctx context.Context) (dir []float64, ok bool, err error) {
	blocks := make([]float64, d.k*(d.k+1)/2*d.width*d.width)
	err = d.newSums(len(blocks)).add(ctx, blocks, d.addCurvature)
	if err != nil {
		return nil, false, err
	}
	size := d.d + 1
	n := d.k * size
	hess, g := d.joinBlocks(blocks), make([]float64, n)
	// The loss does not see what all intercepts have in common; balance takes it out.
	common := floats.Sum(d.curve) / float64(d.k*d.k)
	for c := range d.k {
		for j := range d.d {
			hess[(c*size+j)*(n+1)]++
		}
		for e := range d.k {
			hess[(c*size+d.d)*n+e*size+d.d] += common
		}
		copy(g[c*size:(c+1)*size], d.grad[c*d.width:])
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: n, Data: hess})
	if !ok {
		return nil, false, nil
	}
	lapack64.Potrs(t, blas64.General{Rows: n, Cols: 1, Stride: 1, Data: g})
	dir = make([]float64, len(d.w))
	for c := range d.k {
		floats.AddScaled(dir[c*d.width:c*d.width+size], -1, g[c*size:(c+1)*size])
	}
	d.balance(dir)
	return dir, true, nil
}

// addCurvature adds the Hessian of the loss of the rows of b to acc: for every pair of classes
// e <= c, in the order (0,0), (1,0), (1,1), ..., a matrix (width x width).
func (d *descent) addCurvature(acc []float64, b *block) {
	scores, h := d.scores(b), make([]float64, b.n*d.k*d.k)
	for i := range b.n {
		row, label := scores[i*d.rows:i*d.rows+d.k], d.y[b.lo+i]
		d.loss.residual(row, label)
		for c := range d.k {
			d.loss.hessianColumn(h[(i*d.k+c)*d.k:(i*d.k+c+1)*d.k], row, label, c)
		}
	}
	b.curved = resized(b.curved, b.n*d.width)
	curved, area := b.curved, d.width*d.width
	for c := range d.k {
		for e := range c + 1 {
			for i := range b.n {
				floats.ScaleTo(curved[i*d.width:(i+1)*d.width], h[(i*d.k+c)*d.k+e], b.x[i*d.width:(i+1)*d.width])
			}
			at := (c*(c+1)/2 + e) * area
			dense.AddTransMul(acc[at:at+area], curved, b.x, b.n, d.width, d.width)
		}
	}
}

// joinBlocks returns the lower triangle of the matrix whose blocks these are, without padding.
func (d *descent) joinBlocks(blocks []float64) []float64 {
	size := d.d + 1
	n := d.k * size
	joined := make([]float64, n*n)
	for c := range d.k {
		for e := range c + 1 {
			from := blocks[(c*(c+1)/2+e)*d.width*d.width:]
			for j := range size {
				copy(joined[(c*size+j)*n+e*size:][:size], from[j*d.width:])
			}
		}
	}
	return joined
}
