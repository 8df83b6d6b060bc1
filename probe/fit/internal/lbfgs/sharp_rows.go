package lbfgs

import (
	"cmp"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/definite"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"gonum.org/v1/gonum/floats"
)

// A row is sharp if its second derivative in some direction of the scores is at least sharpFactor times the mean. At
// most maxSharp rows are used, the sharpest ones: their cost grows with the square and the cube of their number.
// Factors between 2 and 8 make little difference; half as many rows increase the iterations by half.
const (
	sharpFactor = 4
	maxSharp    = 1024
)

// maxSharpValues bounds the features of sharp rows in memory: twice 16 MiB.
const maxSharpValues = 2 << 20

// sharpRows are rows whose second derivatives enter a preconditioner exactly. Where classes are separated, a few rows
// near the boundaries make up most of the Hessian, each between two classes. With them the approximation of the
// Hessian is
//
//	M + sum_m (v_m v_m^T) (x) (x_i x_i^T),  i = at[m],
//
// inverted by the Sherman-Morrison-Woodbury formula. The v_m v_m^T are the first terms of a row's pivoted Cholesky
// factorisation (Harbrecht, Peters and Schneider, On the low-rank approximation by the pivoted Cholesky
// decomposition, 2012), so that the remainder is positive semidefinite; it is part of M. nil has no rows.
type sharpRows struct {
	width, k int       // of the parameters
	n        int       // rows, padded
	x, mx    []float64 // n x width: features, and M^-1 times them
	at       []int     // the row of each term
	v        []float64 // terms x k
	inverse  []float64 // (I + V^T M^-1 V)^-1, terms x terms, padded

	products, along, solved []float64 // buffers of correct
}

// findSharp collects the sharp rows at the current point and subtracts their terms from h, the curvatures of all
// rows. mean is the mean of h. The buffers of old, which may be nil, are reused.
func (d *Descent) findSharp(old *sharpRows, h []float64, mean float64) (*sharpRows, error) {
	least := sharpFactor * mean
	var order []int
	for i, c := range h {
		if c > 0 && c*float64(d.K) >= least { // the trace bounds the second derivative in every direction
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(h[b], h[a]) })
	limit := d.affordableTerms()
	order = order[:min(len(order), limit, maxSharpValues/d.Width)]

	s := old
	if s == nil {
		s = &sharpRows{width: d.Width, k: d.K}
	}
	s.x, s.at, s.v = scaled.Resized(s.x, dense.PadRows(len(order))*d.Width), s.at[:0], s.v[:0]
	clear(s.x)
	var buf []float32
	rows := 0
	for _, i := range order {
		values, err := d.Table.Rows(buf, i, i+1)
		if err != nil {
			return nil, err
		}
		if _, held := d.Table.(*feature.Set); !held {
			buf = values
		}
		x := s.x[rows*d.Width : (rows+1)*d.Width]
		dense.Center(x, values, d.Mean, d.Scale)
		x[d.D] = 1
		trace := s.addTerms(d.loss, d.residual(x, d.Y[i]), d.Y[i], rows, limit, least)
		if trace == 0 {
			clear(x)
			continue
		}
		h[i] = max(0, h[i]-trace/float64(d.K))
		rows++
	}
	if rows == 0 {
		return nil, nil
	}
	s.n = dense.PadRows(rows)
	s.x = s.x[:s.n*d.Width]
	return s, nil
}

// sharpBudget is the time that sharp rows may take until the next preconditioner, in evaluations.
const sharpBudget = 40

// affordableTerms returns how many terms take at most sharpBudget, counted in multiplications: the products of their
// rows with each other, the inverse, M^-1 times the rows, and two products in each of refreshEvery iterations.
func (d *Descent) affordableTerms() int {
	if d.small() {
		return maxSharp
	}
	m, budget := maxSharp, sharpBudget*2*d.N*d.rows*d.Width
	for m > 0 && m*(m*d.Width/2+m*m+d.Width*d.Width+2*refreshEvery*d.rows*d.Width) > budget {
		m -= definite.BlockRows
	}
	return m
}

// residual returns the loss's derivatives for one row of features.
func (d *Descent) residual(x []float64, label int) []float64 {
	scores := make([]float64, d.K)
	for c := range scores {
		scores[c] = floats.Dot(x, d.w[c*d.Width:(c+1)*d.Width])
	}
	d.loss.Residual(scores, label)
	return scores
}

// addTerms adds the terms of a row, which gets the index at, whose square is at least least, and returns their trace.
// All terms are at most limit.
func (s *sharpRows) addTerms(l Loss, residual []float64, label, at, limit int, least float64) (trace float64) {
	k, first := s.k, len(s.at)
	diag, col := make([]float64, k), make([]float64, k)
	l.InterceptCurvature(diag, residual, label)
	for len(s.at) < limit {
		c := floats.MaxIdx(diag)
		if !(diag[c] > 0) {
			break
		}
		l.HessianColumn(col, residual, label, c)
		for m := first; m < len(s.at); m++ {
			floats.AddScaled(col, -s.v[m*k+c], s.v[m*k:(m+1)*k])
		}
		floats.Scale(1/math.Sqrt(diag[c]), col)
		square := floats.Dot(col, col)
		if !(square >= least) {
			break
		}
		s.at, s.v = append(s.at, at), append(s.v, col...)
		trace += square
		for e, v := range col {
			diag[e] = max(0, diag[e]-v*v)
		}
		diag[c] = 0
	}
	return trace
}

// join computes what correct needs, given the M of p.
func (s *sharpRows) join(workers int, p *preconditioner) {
	if s == nil {
		return
	}
	s.mx = scaled.Resized(s.mx, len(s.x))
	p.solveCommon(workers, s.mx, s.x, s.width)
	// x_i^T M^-1 x_j for j up to the end of i's tile: terms are in the order of their rows, and only a triangle is
	// inverted.
	products := make([][]float64, s.n/dense.RowTile)
	scaled.Parallel(workers, len(products), func(tile int) {
		lo, hi := tile*dense.RowTile, (tile+1)*dense.RowTile
		products[tile] = make([]float64, dense.RowTile*hi)
		dense.MulTrans(products[tile], s.x[lo*s.width:hi*s.width], s.mx, dense.RowTile, hi, s.width)
	})
	terms := dense.PadCols(len(s.at))
	s.inverse = scaled.Resized(s.inverse, terms*terms)
	clear(s.inverse)
	scaled.Parallel(workers, len(s.at), func(m int) {
		tile, i := s.at[m]/dense.RowTile, s.at[m]%dense.RowTile
		v, row := s.v[m*s.k:(m+1)*s.k], products[tile][i*(tile+1)*dense.RowTile:]
		for l := range m + 1 {
			s.inverse[m*terms+l] = floats.Dot(v, s.v[l*s.k:(l+1)*s.k]) * row[s.at[l]]
		}
	})
	for m := range terms {
		s.inverse[m*terms+m]++
	}
	if !definite.Invert(workers, s.inverse, terms) {
		s.at = nil // M alone is a preconditioner
	}
}

// correct changes dst (classes, padded, x width) from M^-1 g to the whole inverse applied to g.
func (s *sharpRows) correct(workers int, dst []float64) {
	if s == nil || len(s.at) == 0 {
		return
	}
	// products has the products of the rows with dst, in tiles of dense.RowTile classes.
	tiles, size := len(dst)/s.width/dense.RowTile, s.n*dense.RowTile
	s.products = scaled.Resized(s.products, tiles*size)
	products := s.products
	index := func(m, c int) int { return c/dense.RowTile*size + s.at[m]*dense.RowTile + c%dense.RowTile }
	scaled.Parallel(workers, tiles, func(t int) {
		dense.MulTrans(products[t*size:(t+1)*size], s.x, dst[t*dense.RowTile*s.width:], s.n, dense.RowTile, s.width)
	})
	terms := dense.PadCols(len(s.at))
	s.along, s.solved = scaled.Resized(s.along, terms), scaled.Resized(s.solved, terms)
	along, solved := s.along, s.solved
	clear(along)
	for m := range s.at {
		for c, v := range s.v[m*s.k : (m+1)*s.k] {
			along[m] += v * products[index(m, c)]
		}
	}
	const piece = 64
	scaled.Parallel(workers, scaled.CeilDiv(terms, piece), func(task int) {
		for m := task * piece; m < min((task+1)*piece, terms); m++ {
			solved[m] = floats.Dot(s.inverse[m*terms:(m+1)*terms], along)
		}
	})
	clear(products)
	for m := range s.at {
		for c, v := range s.v[m*s.k : (m+1)*s.k] {
			products[index(m, c)] -= v * solved[m]
		}
	}
	scaled.Parallel(workers, tiles, func(t int) {
		dense.AddTransMul(dst[t*dense.RowTile*s.width:], products[t*size:(t+1)*size], s.mx, s.n, dense.RowTile, s.width)
	})
}
