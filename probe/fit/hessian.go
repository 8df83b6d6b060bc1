package fit

import (
	"context"
	"math"
	"sync"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// hessianValues bounds the Hessians that are held at a time: 256 MiB, or a single one.
const hessianValues = 32 << 20

// hessianRows are the rows that are loaded at a time for all of them.
const hessianRows = 512

// hessian is the second derivative of an objective whose loss only some rows curve,
//
//	H = I + X^T D X,
//
// with X those rows and D their curvatures.
type hessian struct {
	curvature func(row int) float64 // 0 = the row is not among them
	width     int
	count     int // rows that curve
	// values is X^T D X (width x width, lower triangle), or, where rows are fewer than
	// features, D^1/2 X (rows, padded, x width).
	values []float64
	filled int // rows added
}

func newHessian(rows, width int, curvature func(row int) float64) *hessian {
	h := &hessian{curvature: curvature, width: width}
	for i := range rows {
		if curvature(i) > 0 {
			h.count++
		}
	}
	return h
}

// byRows reports whether values holds the rows themselves.
func (h *hessian) byRows() bool { return h.count < h.width }

// size is the number of values.
func (h *hessian) size() int { return min(dense.PadRows(h.count), h.width) * h.width }

// fillHessians collects the values of all, in one pass over the rows.
func (v *view) fillHessians(ctx context.Context, all []*hessian) error {
	for _, h := range all {
		h.values = make([]float64, h.size())
	}
	x := make([]float64, hessianRows*v.width)
	scratch := sync.Pool{New: func() any { s := make([]float64, 2*blockRows*v.width); return &s }}
	var buf []float32
	for lo := 0; lo < v.n; lo += hessianRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(hessianRows, v.n-lo)
		rows, err := v.table.Rows(buf, lo, lo+n)
		if err != nil {
			return err
		}
		if _, held := v.table.(*feature.Set); !held {
			buf = rows
		}
		parallel(v.workers, ceilDiv(n, blockRows), func(task int) {
			for i := task * blockRows; i < min((task+1)*blockRows, n); i++ {
				row := x[i*v.width : (i+1)*v.width]
				dense.Center(row, rows[i*v.d:(i+1)*v.d], v.mean, v.scale)
				row[v.d] = 1
			}
		})
		parallel(v.workers, len(all), func(at int) {
			s := scratch.Get().(*[]float64)
			defer scratch.Put(s)
			all[at].add(x, lo, n, *s)
		})
	}
	return nil
}

// add adds those of n rows x, the first being row lo of the table, that curve. scratch
// holds two blocks.
func (h *hessian) add(x []float64, lo, n int, scratch []float64) {
	w := h.width
	curving, curved, count := scratch[:blockRows*w], scratch[blockRows*w:], 0
	for i := range n {
		c := h.curvature(lo + i)
		if c == 0 {
			continue
		}
		row := x[i*w : (i+1)*w]
		if h.byRows() {
			floats.ScaleTo(h.values[h.filled*w:(h.filled+1)*w], math.Sqrt(c), row)
			h.filled++
			continue
		}
		copy(curving[count*w:], row)
		floats.ScaleTo(curved[count*w:(count+1)*w], c, row)
		if count++; count == blockRows {
			dense.AddGram(h.values, curved, curving, count, w)
			count = 0
		}
	}
	if count > 0 {
		dense.AddGram(h.values, curved, curving, count, w)
	}
}

// solve sets dst to H^-1 g and spends the values. With fewer rows than features it does so
// through the Sherman-Morrison-Woodbury formula, and factorises I + D^1/2 X X^T D^1/2.
func (h *hessian) solve(dst, g []float64) error {
	copy(dst, g)
	if !h.byRows() {
		return cholesky(h.values, h.width, dst)
	}
	w, padded := h.width, dense.PadRows(h.count)
	kernel, z := make([]float64, padded*padded), make([]float64, padded)
	dense.MulTrans(kernel, h.values, h.values, padded, padded, w)
	for i := range h.count {
		z[i] = floats.Dot(h.values[i*w:(i+1)*w], g)
	}
	if err := cholesky(kernel, padded, z); err != nil {
		return err
	}
	for i := range h.count {
		floats.AddScaled(dst, -z[i], h.values[i*w:(i+1)*w])
	}
	return nil
}

// errTooLarge reports a matrix that is not positive definite once rounded.
var errTooLarge = fault.Inputf("features are too large for double precision; standardize them or lower C")

// cholesky solves (A + I) x = b in place. A (n x n) is positive semidefinite, its lower
// triangle counts, and it is overwritten.
func cholesky(a []float64, n int, b []float64) error {
	for i := range n {
		a[i*n+i]++
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: n, Stride: max(1, n), Data: a})
	if !ok {
		return errTooLarge
	}
	lapack64.Potrs(t, blas64.General{Rows: n, Cols: 1, Stride: 1, Data: b[:n]})
	return nil
}
