// Package nearest finds the samples nearest to a row, by Euclidean distance: those that distances in double precision
// give, of equal ones the earlier.
//
// Squared distances less the row's own square, |b|^2 - 2 a b, are computed in single precision by package dense, with
// a bound of their rounding. A sample whose lower bound exceeds the k-th smallest upper bound is not among the k
// nearest; the others, a few more than k, are measured exactly. Where the bounds leave too many, as among equal samples
// or beside one of an extreme size, the row's products are computed in double precision; those round too, so that some
// more than k are measured. 10,000 rows among 10,000 of 768 features take 2.6 times as long in double precision.
package nearest

import (
	"math"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

const (
	chunkSamples  = 512 // products of 64 rows with them stay in the second-level cache
	maxCandidates = 256 // that are measured exactly for a row
	unit32        = 0x1p-24
)

// Index is a set of samples to search. It may be used concurrently.
type Index struct {
	n, width int
	row      func(dst []float64, i int)

	shift, scale []float64 // a row in single precision is (row - shift) * scale
	x            []float32 // n, padded, x width
	low          []float32 // |b|^2 of each sample, less what rounding may add
	size         []float32 // |b|
	slack        float64   // bound of the rounding of products, as a share of |a| |b|

	precise func() *precise
}

// New returns the index of n samples, at least 1. row sets dst to a sample of width features, a multiple of
// dense.ColTile; it must give the same values at any time, and may be called concurrently.
func New(n, width int, row func(dst []float64, i int)) *Index {
	x := &Index{n: n, width: width, row: row, scale: make([]float64, width)}
	x.precise = sync.OnceValue(func() *precise { return newPrecise(x) })
	buf, largest := make([]float64, width), 0.0
	x.shift = medians(n, width, row)
	for i := range n {
		row(buf, i)
		floats.Sub(buf, x.shift)
		largest = max(largest, floats.Norm(buf, 2))
	}
	_, exp := math.Frexp(largest)
	floats.AddConst(math.Ldexp(1, -exp), x.scale) // so that products are far from the ends of float32
	padded := dense.PadRows(n)
	x.x, x.low, x.size = make([]float32, padded*width), make([]float32, n), make([]float32, n)
	x.slack = 2*float64(width+8)*unit32 + 16*unit32
	for i := range n {
		row(buf, i)
		size := x.single(x.x[i*width:(i+1)*width], buf)
		x.low[i] = float32(size*size*(1-8*unit32) - underflow)
		x.size[i] = float32(size)
	}
	return x
}

// shiftSamples is of how many samples the median is taken.
const shiftSamples = 9

// medians returns the features' medians among a few samples: near the middle, also where some are of an extreme size.
func medians(n, width int, row func(dst []float64, i int)) []float64 {
	m := min(shiftSamples, n)
	rows, middle, column := make([]float64, m*width), make([]float64, width), make([]float64, m)
	for i := range m {
		row(rows[i*width:(i+1)*width], i*n/m)
	}
	for j := range middle {
		for i := range column {
			column[i] = rows[i*width+j]
		}
		slices.Sort(column)
		middle[j] = column[m/2]
	}
	return middle
}

// underflow bounds what products and sums may lose below the normal numbers of float32.
const underflow = 1e-36

// single sets dst to a row in single precision and returns its norm. src is overwritten.
func (x *Index) single(dst []float32, src []float64) float64 {
	floats.Sub(src, x.shift)
	floats.Mul(src, x.scale)
	for j, v := range src {
		dst[j] = float32(v)
	}
	return floats.Norm(src, 2)
}

// Nearest sets dst (rows x k) to the nearest samples of each of the rows (rows x width), nearest first. k is at least 1
// and at most the number of samples.
func (x *Index) Nearest(dst []int, rows []float64, k int) {
	m := len(rows) / x.width
	searches := x.scan(rows, m, k)
	var hard []int
	for i := range searches {
		s, row := &searches[i], rows[i*x.width:(i+1)*x.width]
		s.narrow()
		if len(s.found) > max(maxCandidates, 2*k) {
			hard = append(hard, i)
			continue
		}
		x.measure(s.found, row)
		for r, c := range s.found[:k] {
			dst[i*k+r] = c.at
		}
	}
	if len(hard) > 0 {
		x.precise().nearest(dst, rows, hard, k)
	}
}

// scan returns the candidates of each of m rows.
func (x *Index) scan(rows []float64, m, k int) []search {
	padded := dense.PadRows(m)
	queries, products := make([]float32, padded*x.width), make([]float32, padded*chunkSamples)
	searches, buf := make([]search, m), make([]float64, x.width)
	for i := range m {
		copy(buf, rows[i*x.width:])
		size := x.single(queries[i*x.width:(i+1)*x.width], buf)
		searches[i] = search{k: k, slack: float32(x.slack * size * (1 + 1e-6)), limit: float32(math.Inf(1))}
	}
	for lo := 0; lo < x.n; lo += chunkSamples {
		hi := min(lo+chunkSamples, x.n)
		stride := dense.PadRows(hi - lo)
		dense.MulTransSingle(products, queries, x.x[lo*x.width:(lo+stride)*x.width], padded, stride, x.width)
		for i := range searches {
			searches[i].add(lo, products[i*stride:i*stride+hi-lo], x.low[lo:hi], x.size[lo:hi])
		}
	}
	return searches
}

// measure sets the squared distances of candidates to a row, and sorts them.
func (x *Index) measure(found []candidate, row []float64) {
	buf := make([]float64, len(row))
	for i, c := range found {
		x.row(buf, c.at)
		found[i].d = squaredDistance(buf, row)
	}
	slices.SortFunc(found, byDistance)
}

func squaredDistance(a, b []float64) float64 {
	sum := 0.0
	for j, v := range a {
		sum += (v - b[j]) * (v - b[j])
	}
	return sum
}

// candidate is a sample and its squared distance, or a lower bound of its difference from another.
type candidate struct {
	at int
	d  float64
}

func byDistance(a, b candidate) int {
	switch {
	case a.d < b.d || a.d == b.d && a.at < b.at:
		return -1
	case a.d == b.d && a.at == b.at:
		return 0
	}
	return 1
}
