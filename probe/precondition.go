package probe

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// maxCholeskyDim bounds the features for which a full preconditioner is built: its
// factorisation takes d^3/3 operations, one second at 2,048, and d^2 values.
const maxCholeskyDim = 2048

// gramRowsPerDim is how many rows per feature the preconditioner looks at. It only has
// to resemble the Hessian; more rows change nothing that is visible in the iterations.
const gramRowsPerDim = 4

// precondition is a change of variables under which the objective curves about alike
// in all directions: W = V L^-1 and b = v / s. The optimum stays that of W and b.
//
// With h_i the mean of p(1-p) over the classes in row i, the Hessian's block of one
// class is about
//
//	C * sum_i h_i x_i x_i^T + I = L L^T.
//
// Where the features are too many for that, L is its diagonal.
type precondition struct {
	d       int
	full    bool
	l       []float64 // d x d lower triangle, or d diagonal entries
	s       float64
	workers int
}

func newPrecondition(l *softmaxLoss) *precondition {
	curve := make([]float64, l.n)
	l.rowCurvature(curve)
	p := &precondition{d: l.d, workers: l.workers}
	total := 0.0
	for _, h := range curve {
		total += h
	}
	p.s = math.Sqrt(max(l.c*total, math.SmallestNonzeroFloat32))
	if l.d <= maxCholeskyDim {
		p.l = weightedGram(l, curve)
		for j := range l.d {
			p.l[j*l.d+j]++
		}
		_, p.full = lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: l.d, Stride: l.d, Data: p.l})
	}
	if !p.full {
		p.l = diagonal(l, curve)
	}
	return p
}

// weightedGram returns C * sum_i h_i x_i x_i^T over evenly spread rows, scaled up to
// stand for all of them.
func weightedGram(l *softmaxLoss, curve []float64) []float64 {
	stride := max(1, l.n/(gramRowsPerDim*l.d))
	n := ceilDiv(l.n, stride)
	sample := make([]float64, n*l.d)
	for i := range n {
		from := i * stride
		scale := math.Sqrt(l.c * curve[from] * float64(l.n) / float64(n))
		for j, v := range l.x[from*l.d : (from+1)*l.d] {
			sample[i*l.d+j] = scale * v
		}
	}
	gram := make([]float64, l.d*l.d)
	across := ceilDiv(l.d, columnsPerTile)
	parallel(l.workers, across*ceilDiv(l.d, outputsPerTile), func(task int) {
		c0, j0 := task/across*outputsPerTile, task%across*columnsPerTile
		if j0 < c0+outputsPerTile { // the lower triangle is enough
			outerTile(gram, sample, sample, l.d, l.d, c0, j0)
		}
	})
	return gram
}

func diagonal(l *softmaxLoss, curve []float64) []float64 {
	diag := make([]float64, l.d)
	for i, h := range curve {
		for j, v := range l.x[i*l.d : (i+1)*l.d] {
			diag[j] += h * v * v
		}
	}
	for j, v := range diag {
		diag[j] = math.Sqrt(l.c*v + 1)
	}
	return diag
}

// toParams replaces the variables V by W (k x d) and v by b, in place.
func (p *precondition) toParams(v, b []float64) { p.solve(blas.NoTrans, v, b) }

// toGradient replaces the gradient with respect to W and b by that of V and v, in
// place.
func (p *precondition) toGradient(w, b []float64) { p.solve(blas.Trans, w, b) }

// solve computes W L^-1 or W L^-T; rows are independent.
func (p *precondition) solve(trans blas.Transpose, w, b []float64) {
	for c := range b {
		b[c] /= p.s
	}
	if !p.full {
		for i := range w {
			w[i] /= p.l[i%p.d]
		}
		return
	}
	t := blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: p.d, Stride: p.d, Data: p.l}
	// x L^-1 is the solution of L^T z = x for a row x taken as a column.
	other := blas.Trans
	if trans == blas.Trans {
		other = blas.NoTrans
	}
	parallel(p.workers, len(b), func(c int) {
		blas64.Trsv(other, t, blas64.Vector{N: p.d, Inc: 1, Data: w[c*p.d : (c+1)*p.d]})
	})
}

// toVariables is the inverse of toParams.
func (p *precondition) toVariables(w, b []float64) {
	for c := range b {
		b[c] *= p.s
	}
	if !p.full {
		for i := range w {
			w[i] *= p.l[i%p.d]
		}
		return
	}
	t := blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: p.d, Stride: p.d, Data: p.l}
	parallel(p.workers, len(b), func(c int) {
		blas64.Trmv(blas.Trans, t, blas64.Vector{N: p.d, Inc: 1, Data: w[c*p.d : (c+1)*p.d]})
	})
}
