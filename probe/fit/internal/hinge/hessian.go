package hinge

import (
	"context"
	"math"
	"sync"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/definite"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// hessianValues bounds the Hessians in memory: 256 MiB, or a single one.
const hessianValues = 32 << 20

// hessianRows is how many rows are loaded at a time for all Hessians of a group.
const hessianRows = 512

// hessian is the second derivative of an objective of whose loss only some rows have curvature,
//
//	H = I + X^T D X,
//
// with X those rows and D their curvatures.
type hessian struct {
	curvature func(row int) float64 // 0 = the row is not in X
	width     int
	count     int // rows of X
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

// byRows reports whether values has the rows of X.
func (h *hessian) byRows() bool { return h.count < h.width }

// size returns the number of values.
func (h *hessian) size() int { return min(dense.PadCols(h.count), h.width) * h.width }

// fillHessians computes the values of all Hessians in one pass over the rows.
func fillHessians(ctx context.Context, v *scaled.Rows, all []*hessian) error {
	for _, h := range all {
		h.values = make([]float64, h.size())
	}
	x := make([]float64, hessianRows*v.Width)
	scratch := sync.Pool{New: func() any { s := make([]float64, 2*scaled.BlockRows*v.Width); return &s }}
	var buf []float32
	for lo := 0; lo < v.N; lo += hessianRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(hessianRows, v.N-lo)
		rows, err := v.Table.Rows(buf, lo, lo+n)
		if err != nil {
			return err
		}
		if _, held := v.Table.(*feature.Set); !held {
			buf = rows
		}
		scaled.Parallel(v.Workers, scaled.CeilDiv(n, scaled.BlockRows), func(task int) {
			for i := task * scaled.BlockRows; i < min((task+1)*scaled.BlockRows, n); i++ {
				row := x[i*v.Width : (i+1)*v.Width]
				dense.Center(row, rows[i*v.D:(i+1)*v.D], v.Mean, v.Scale)
				row[v.D] = 1
			}
		})
		scaled.Parallel(v.Workers, len(all), func(at int) {
			s := scratch.Get().(*[]float64)
			defer scratch.Put(s)
			all[at].add(x, lo, n, *s)
		})
	}
	return nil
}

// add adds those of n rows x with curvature; the first is row lo of the table. scratch has room for two blocks.
func (h *hessian) add(x []float64, lo, n int, scratch []float64) {
	w := h.width
	curving, curved, count := scratch[:scaled.BlockRows*w], scratch[scaled.BlockRows*w:], 0
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
		if count++; count == scaled.BlockRows {
			dense.AddGram(h.values, curved, curving, count, w)
			count = 0
		}
	}
	if count > 0 {
		dense.AddGram(h.values, curved, curving, count, w)
	}
}

// solve sets dst to H^-1 g and overwrites the values. With fewer rows in X than features it uses the
// Sherman-Morrison-Woodbury formula and factorises I + D^1/2 X X^T D^1/2.
func (h *hessian) solve(dst, g []float64) error {
	copy(dst, g)
	if !h.byRows() {
		return cholesky(h.values, h.width, dst)
	}
	w, padded := h.width, dense.PadCols(h.count)
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

// cholesky solves (A + I) x = b in place. A (n x n) is positive semidefinite; its lower triangle is used, and it is
// overwritten.
func cholesky(a []float64, n int, b []float64) error {
	for i := range n {
		a[i*n+i]++
	}
	if !definite.Solve(1, a, n, b[:n]) {
		return scaled.ErrTooLarge
	}
	return nil
}
