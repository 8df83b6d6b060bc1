package fit

import (
	"cmp"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// A row is sharp where the loss curves sharpFactor times as much, in some direction of the
// scores, as it does on average. Of more than maxSharp the sharpest are: what they cost grows
// with the square and the cube. Between 2 and 8 the factor makes little difference; half as
// many rows take half as many iterations more.
const (
	sharpFactor = 4
	maxSharp    = 1024
)

// maxSharpValues bounds the features of sharp rows that are held: 16 MiB, twice.
const maxSharpValues = 2 << 20

// sharpRows are rows whose second derivatives a preconditioner has as they are, because they
// differ from those of the others: where classes are told apart, a few rows near the
// boundaries make up most of the Hessian, each between two classes. With them it is
//
//	M + sum_m (v_m v_m^T) (x) (x_i x_i^T),  i = at[m],
//
// inverted by the formula of Sherman, Morrison and Woodbury. The v_m v_m^T are the first terms
// of a row's Cholesky factorisation with pivots (Harbrecht, Peters and Schneider, On the
// low-rank approximation by the pivoted Cholesky decomposition, 2012), so that what they leave
// is positive semidefinite, and counts for M. nil has no rows.
type sharpRows struct {
	width, k int       // of the parameters
	n        int       // rows, padded
	x, mx    []float64 // n x width: features, and M^-1 times them
	at       []int     // the row of each term
	v        []float64 // terms x k
	inverse  []float64 // (I + V^T M^-1 V)^-1, terms x terms, padded

	products, along, solved []float64 // of correct
}

// findSharp collects the sharp rows of the point reached and takes from h, the curvatures of
// all rows, what the terms account for. mean is the mean of h. The memory of old, which may be
// nil, is used again.
func (d *descent) findSharp(old *sharpRows, h []float64, mean float64) (*sharpRows, error) {
	least := sharpFactor * mean
	var order []int
	for i, c := range h {
		if c > 0 && c*float64(d.k) >= least { // no direction has more than the trace
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(h[b], h[a]) })
	order = order[:min(len(order), maxSharp, maxSharpValues/d.width)]

	s := old
	if s == nil {
		s = &sharpRows{width: d.width, k: d.k}
	}
	s.x, s.at, s.v = resized(s.x, dense.PadRows(len(order))*d.width), s.at[:0], s.v[:0]
	clear(s.x)
	var buf []float32
	rows := 0
	for _, i := range order {
		values, err := d.table.Rows(buf, i, i+1)
		if err != nil {
			return nil, err
		}
		if _, held := d.table.(*feature.Set); !held {
			buf = values
		}
		x := s.x[rows*d.width : (rows+1)*d.width]
		dense.Center(x, values, d.mean, d.scale)
		x[d.d] = 1
		trace := s.addTerms(d.loss, d.residual(x, d.y[i]), d.y[i], rows, least)
		if trace == 0 {
			clear(x)
			continue
		}
		h[i] = max(0, h[i]-trace/float64(d.k))
		rows++
	}
	if rows == 0 {
		return nil, nil
	}
	s.n = dense.PadRows(rows)
	s.x = s.x[:s.n*d.width]
	return s, nil
}

// residual returns the loss's derivatives in a row of features.
func (d *descent) residual(x []float64, label int) []float64 {
	scores := make([]float64, d.k)
	for c := range scores {
		scores[c] = floats.Dot(x, d.w[c*d.width:(c+1)*d.width])
	}
	d.loss.residual(scores, label)
	return scores
}

// addTerms adds the terms of a row, which becomes row at, that are at least so large, and
// returns their trace.
func (s *sharpRows) addTerms(l loss, residual []float64, label, at int, least float64) (trace float64) {
	k, first := s.k, len(s.at)
	diag, col := make([]float64, k), make([]float64, k)
	l.interceptCurvature(diag, residual, label)
	for len(s.at) < maxSharp {
		c := floats.MaxIdx(diag)
		if !(diag[c] > 0) {
			break
		}
		l.hessianColumn(col, residual, label, c)
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

// join prepares the correction of p, whose M is settled.
func (s *sharpRows) join(workers int, p *precondition) {
	if s == nil {
		return
	}
	s.mx = resized(s.mx, len(s.x))
	p.solveCommon(workers, s.mx, s.x, s.width)
	// x_i^T M^-1 x_j for j up to the end of i's tile: terms are in the order of their rows, and a
	// triangle is all that is inverted.
	products := make([][]float64, s.n/dense.RowTile)
	parallel(workers, len(products), func(tile int) {
		lo, hi := tile*dense.RowTile, (tile+1)*dense.RowTile
		products[tile] = make([]float64, dense.RowTile*hi)
		dense.MulTrans(products[tile], s.x[lo*s.width:hi*s.width], s.mx, dense.RowTile, hi, s.width)
	})
	terms := dense.PadCols(len(s.at))
	s.inverse = resized(s.inverse, terms*terms)
	clear(s.inverse)
	parallel(workers, len(s.at), func(m int) {
		tile, i := s.at[m]/dense.RowTile, s.at[m]%dense.RowTile
		v, row := s.v[m*s.k:(m+1)*s.k], products[tile][i*(tile+1)*dense.RowTile:]
		for l := range m + 1 {
			s.inverse[m*terms+l] = floats.Dot(v, s.v[l*s.k:(l+1)*s.k]) * row[s.at[l]]
		}
	})
	for m := range terms {
		s.inverse[m*terms+m]++
	}
	if !invert(workers, s.inverse, terms) {
		s.at = nil // M alone is a preconditioner, too
	}
}

// correct makes dst (classes, padded, x width), which is M^-1 g, the whole inverse applied to g.
func (s *sharpRows) correct(workers int, dst []float64) {
	if s == nil || len(s.at) == 0 {
		return
	}
	// Products of the rows with dst, in tiles of dense.RowTile classes each.
	tiles, size := len(dst)/s.width/dense.RowTile, s.n*dense.RowTile
	s.products = resized(s.products, tiles*size)
	products := s.products
	index := func(m, c int) int { return c/dense.RowTile*size + s.at[m]*dense.RowTile + c%dense.RowTile }
	parallel(workers, tiles, func(t int) {
		dense.MulTrans(products[t*size:(t+1)*size], s.x, dst[t*dense.RowTile*s.width:], s.n, dense.RowTile, s.width)
	})
	terms := dense.PadCols(len(s.at))
	s.along, s.solved = resized(s.along, terms), resized(s.solved, terms)
	along, solved := s.along, s.solved
	clear(along)
	for m := range s.at {
		for c, v := range s.v[m*s.k : (m+1)*s.k] {
			along[m] += v * products[index(m, c)]
		}
	}
	const piece = 64
	parallel(workers, ceilDiv(terms, piece), func(task int) {
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
	parallel(workers, tiles, func(t int) {
		dense.AddTransMul(dst[t*dense.RowTile*s.width:], products[t*size:(t+1)*size], s.mx, s.n, dense.RowTile, s.width)
	})
}
