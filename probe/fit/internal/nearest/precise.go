package nearest

import (
	"slices"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// spare is how many samples beyond k are measured exactly after a search in double precision.
const spare = 8

// precise searches with products of shifted rows in double precision.
type precise struct {
	index   *Index
	x       []float64 // n, padded, x width
	squares []float64
}

func newPrecise(x *Index) *precise {
	p := &precise{index: x, x: make([]float64, dense.PadRows(x.n)*x.width), squares: make([]float64, x.n)}
	for i := range x.n {
		row := p.x[i*x.width : (i+1)*x.width]
		x.row(row, i)
		floats.Sub(row, x.shift)
		p.squares[i] = floats.Dot(row, row)
	}
	return p
}

// nearest sets the results of those rows whose indices are in which.
func (p *precise) nearest(dst []int, rows []float64, which []int, k int) {
	w, n := p.index.width, p.index.n
	m, count := dense.PadRows(len(which)), dense.PadRows(n)
	queries, products := make([]float64, m*w), make([]float64, m*count)
	for q, i := range which {
		floats.SubTo(queries[q*w:(q+1)*w], rows[i*w:(i+1)*w], p.index.shift)
	}
	dense.MulTrans(products, queries, p.x, m, count, w)
	for q, i := range which {
		var best []candidate
		for j, product := range products[q*count : q*count+n] {
			c := candidate{j, p.squares[j] - 2*product}
			if len(best) == k+spare && byDistance(c, best[len(best)-1]) > 0 {
				continue
			}
			at, _ := slices.BinarySearchFunc(best, c, byDistance)
			best = slices.Insert(best, at, c)
			best = best[:min(len(best), k+spare)]
		}
		p.index.measure(best, rows[i*w:(i+1)*w])
		for r, c := range best[:k] {
			dst[i*k+r] = c.at
		}
	}
}
