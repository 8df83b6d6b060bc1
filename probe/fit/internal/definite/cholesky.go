// Package definite solves systems of equations with symmetric, positive definite matrices, and inverts them, by blocks,
// so that nearly all of the work is in the products of package dense: 800 rows take a fifth of the time of gonum's
// LAPACK.
package definite

import (
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

const (
	// BlockRows is how many rows are eliminated at a time: matrices of a multiple of them waste nothing.
	BlockRows = 64

	smallRows = 96 // up to which blocks do not pay
	stepRows  = 8  // how many of them by substitution, without products
)

// Solve replaces every row of b (k x n) by the solution x of A x = b; false if A is not positive definite in double
// precision. n is a multiple of dense.ColTile. Of a, A (n x n), only the lower triangle is read, and all of it is
// overwritten.
//
// A = U^T U is factorised by blocks of rows (Golub and Van Loan, Matrix Computations, 4th edition, algorithm 4.2.4),
// and U, in the upper triangle of a, solved for by substitution.
func Solve(workers int, a []float64, n int, b []float64) bool {
	if n <= smallRows {
		t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: max(1, n), Data: a})
		for ; ok && len(b) > 0; b = b[n:] {
			lapack64.Potrs(t, blas64.General{Rows: n, Cols: 1, Stride: 1, Data: b[:n]})
		}
		return ok
	}
	if !factorise(workers, a, n) {
		return false
	}
	scaled.Parallel(workers, len(b)/n, func(c int) {
		substitute(a, n, b[c*n:(c+1)*n])
	})
	return true
}

// factorise replaces the lower triangle of a by U in its upper one.
func factorise(workers int, a []float64, n int) bool {
	panel, negated := make([]float64, BlockRows*n), make([]float64, BlockRows*n)
	for lo := 0; lo < n; lo += BlockRows {
		size := min(BlockRows, n-lo)
		hi := lo + size
		if !factoriseDiagonal(a[lo*n+lo:], n, size) {
			return false
		}
		rest := n - hi
		if rest == 0 {
			return true
		}
		u, minus := panel[:size*rest], negated[:size*rest]
		for j := range rest {
			for r, v := range a[(hi+j)*n+lo : (hi+j)*n+hi] {
				u[r*rest+j] = v
			}
		}
		eliminate(a[lo*n+lo:], n, size, u, rest)
		for r := range size {
			copy(a[(lo+r)*n+hi:(lo+r+1)*n], u[r*rest:(r+1)*rest])
		}
		floats.ScaleTo(minus, -1, u)
		scaled.Parallel(workers, rest/dense.ColTile, func(strip int) {
			dense.AddGramStrip(a[hi*n+hi:], n, minus, u, size, rest, strip*dense.ColTile)
		})
	}
	return true
}

// factoriseDiagonal replaces the lower triangle of the block (size x size, rows n apart) at the start of a by U in its
// upper one.
func factoriseDiagonal(a []float64, n, size int) bool {
	for i := range size {
		for j := range i {
			a[j*n+i] = a[i*n+j]
		}
	}
	_, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Upper, N: size, Stride: n, Data: a})
	return ok
}

// eliminate replaces the block's other columns b (size x d) by U^-T b, with the block's U (rows n apart) at the start
// of a.
func eliminate(a []float64, n, size int, b []float64, d int) {
	factors := make([]float64, stepRows*size)
	for lo := 0; lo < size; lo += stepRows {
		hi := lo + stepRows
		for r := lo; r < hi; r++ {
			row := b[r*d : (r+1)*d]
			for s := lo; s < r; s++ {
				floats.AddScaled(row, -a[s*n+r], b[s*d:(s+1)*d])
			}
			floats.Scale(1/a[r*n+r], row)
		}
		rest := size - hi
		for r := range stepRows {
			floats.ScaleTo(factors[r*rest:(r+1)*rest], -1, a[(lo+r)*n+hi:(lo+r)*n+size])
		}
		dense.AddTransMul(b[hi*d:], factors, b[lo*d:hi*d], stepRows, rest, d)
	}
}

// substitute replaces b by the solution x of U^T U x = b.
func substitute(u []float64, n int, b []float64) {
	for r := range n {
		b[r] /= u[r*n+r]
		floats.AddScaled(b[r+1:], -b[r], u[r*n+r+1:(r+1)*n])
	}
	for r := n - 1; r >= 0; r-- {
		b[r] = (b[r] - floats.Dot(u[r*n+r+1:(r+1)*n], b[r+1:])) / u[r*n+r]
	}
}
