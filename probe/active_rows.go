package probe

import (
	"math"

	"github.com/wiseft/wiseft/probe/internal/dense"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// activeRows are the rows of a view that curve an objective: its Hessian is
//
//	H = I + X^T D X,
//
// with X the rows at, in rising order, and D their curvatures.
type activeRows struct {
	*view
	at        []int
	curvature []float64 // > 0
}

// solve sets dst to H^-1 g. With fewer rows than features it does so through the
// Sherman-Morrison-Woodbury formula, and factorises I + D^1/2 X X^T D^1/2 instead.
func (a *activeRows) solve(dst, g []float64) error {
	if len(a.at) < a.width {
		return a.solveRows(dst, g)
	}
	gram := make([]float64, a.width*a.width)
	err := a.each(func(x, curvature []float64, _ int) {
		curved := make([]float64, len(x))
		for i, c := range curvature {
			floats.AddScaled(curved[i*a.width:(i+1)*a.width], c, x[i*a.width:(i+1)*a.width])
		}
		dense.AddGram(gram, curved, x, len(curvature), a.width)
	})
	if err != nil {
		return err
	}
	copy(dst, g)
	return cholesky(gram, a.width, a.width, dst)
}

func (a *activeRows) solveRows(dst, g []float64) error {
	n, padded := len(a.at), dense.PadRows(len(a.at))
	rows := make([]float64, padded*a.width)
	err := a.each(func(x, curvature []float64, first int) {
		for i, c := range curvature {
			floats.AddScaled(rows[(first+i)*a.width:(first+i+1)*a.width], math.Sqrt(c), x[i*a.width:(i+1)*a.width])
		}
	})
	if err != nil {
		return err
	}
	kernel := make([]float64, padded*padded)
	dense.MulTrans(kernel, rows, rows, padded, padded, a.width)
	copy(dst, g)
	z := make([]float64, padded)
	for i := range n {
		z[i] = floats.Dot(rows[i*a.width:(i+1)*a.width], g)
	}
	if err := cholesky(kernel, padded, padded, z); err != nil {
		return err
	}
	for i := range n {
		floats.AddScaled(dst, -z[i], rows[i*a.width:(i+1)*a.width])
	}
	return nil
}

// each calls visit with the rows, a block at a time; first is the position in at of a
// block's first row.
func (a *activeRows) each(visit func(x, curvature []float64, first int)) error {
	x := make([]float64, blockRows*a.width)
	var buf []float32
	for first := 0; first < len(a.at); {
		count := 0
		lo := a.at[first]
		hi := min(lo+blockRows, a.n)
		rows, err := a.table.Rows(buf, lo, hi)
		if err != nil {
			return err
		}
		if _, held := a.table.(*Features); !held {
			buf = rows
		}
		for ; first+count < len(a.at) && a.at[first+count] < hi; count++ {
			i := a.at[first+count] - lo
			row := x[count*a.width : (count+1)*a.width]
			dense.Center(row, rows[i*a.d:(i+1)*a.d], a.mean, a.scale)
			row[a.d] = 1
		}
		visit(x[:count*a.width], a.curvature[first:first+count], first)
		first += count
	}
	return nil
}

// errTooLarge reports a matrix that is not positive definite once rounded.
var errTooLarge = InputErrorf("features are too large for double precision; standardize them or lower C")

// cholesky solves (A + I) x = b in place. A (n x n, rows stride apart) is positive
// semidefinite, its lower triangle counts, and it is overwritten.
func cholesky(a []float64, n, stride int, b []float64) error {
	for i := range n {
		a[i*stride+i]++
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: stride, Data: a})
	if !ok {
		return errTooLarge
	}
	lapack64.Potrs(t, blas64.General{Rows: n, Cols: 1, Stride: 1, Data: b[:n]})
	return nil
}
