package fit

import (
	"context"
	"math"
	"sync"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// Sizes of the pieces of a pass. A block of 64 rows of 768 features is 400 KB as float64
// and stays in the second-level cache with the weights. Sums are made per chunk and added
// in the order of the chunks, so that the number of workers does not matter; 16 of them
// share the work well without much to add, and fewer do where the sums are large.
const (
	blockRows    = 64
	maxChunks    = 16
	maxChunkSize = 32 << 20 // bytes of all chunks' sums together
)

// block is some rows of a table, converted and padded.
type block struct {
	chunk  int // the sum that the block belongs to
	lo, n  int // rows of the table
	padded int // rows of x, the last padded-n being zero
	x      []float64
	buf    []float32

	scores, curved []float64 // what a visitor computes of the rows
}

// resized returns n values, in x's memory if there is room. What they are is not defined.
func resized(x []float64, n int) []float64 {
	if cap(x) < n {
		return make([]float64, n)
	}
	return x[:n]
}

// view is a table as solvers see it: features (x - mean) * scale, then a constant 1 that
// carries the intercept, then zeros up to the padded width.
type view struct {
	table       feature.Table
	n, d        int
	width       int       // padded
	mean, scale []float64 // d values
	centred     bool
	workers     int
	blocks      sync.Pool // of *block: a fit makes hundreds of passes, and a block may have megabytes
}

func newView(t feature.Table, workers int) *view {
	v := &view{table: t, n: t.Len(), d: t.Width(), workers: workers}
	v.width = dense.PadCols(v.d + 1)
	v.mean, v.scale = make([]float64, v.d), make([]float64, v.d)
	floats.AddConst(1, v.scale)
	v.blocks.New = func() any { return &block{x: make([]float64, blockRows*v.width)} }
	return v
}

// sums are the partial sums of a pass, one per chunk.
type sums struct {
	view  *view
	parts [][]float64
}

// newSums prepares sums of size values.
func (v *view) newSums(size int) *sums {
	count := min(maxChunks, ceilDiv(v.n, blockRows), max(2, maxChunkSize/8/size))
	s := &sums{view: v, parts: make([][]float64, count)}
	for i := range s.parts {
		s.parts[i] = make([]float64, size)
	}
	return s
}

// add sets dst to the sum of what visit adds to acc for every block.
func (s *sums) add(ctx context.Context, dst []float64, visit func(acc []float64, b *block)) error {
	for _, part := range s.parts {
		clear(part)
	}
	err := s.view.pass(ctx, len(s.parts), func(b *block) { visit(s.parts[b.chunk], b) })
	if err != nil {
		return err
	}
	const piece = 4096
	parallel(s.view.workers, ceilDiv(len(dst), piece), func(task int) {
		lo, hi := task*piece, min((task+1)*piece, len(dst))
		copy(dst[lo:hi], s.parts[0][lo:hi])
		for _, part := range s.parts[1:] {
			floats.Add(dst[lo:hi], part[lo:hi])
		}
	})
	return nil
}

// pass calls visit with all rows, block by block, in count chunks. Blocks of one chunk come in
// order and never at the same time.
func (v *view) pass(ctx context.Context, count int, visit func(b *block)) error {
	blocks := ceilDiv(v.n, blockRows)
	errs := make([]error, count)
	parallel(v.workers, count, func(chunk int) {
		b := v.blocks.Get().(*block)
		defer v.blocks.Put(b)
		b.chunk = chunk
		for i := blocks * chunk / count; i < blocks*(chunk+1)/count; i++ {
			if errs[chunk] = ctx.Err(); errs[chunk] != nil {
				return
			}
			if errs[chunk] = v.load(b, i*blockRows); errs[chunk] != nil {
				return
			}
			visit(b)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// load fills b with the rows from lo on.
func (v *view) load(b *block, lo int) error {
	b.lo, b.n = lo, min(blockRows, v.n-lo)
	rows, err := v.table.Rows(b.buf, lo, lo+b.n)
	if err != nil {
		return err
	}
	if _, held := v.table.(*feature.Set); !held {
		b.buf = rows
	}
	b.padded = dense.PadRows(b.n)
	for i := range b.n {
		row := b.x[i*v.width : (i+1)*v.width]
		dense.Center(row, rows[i*v.d:(i+1)*v.d], v.mean, v.scale)
		row[v.d] = 1
	}
	clear(b.x[b.n*v.width : b.padded*v.width])
	return nil
}

// center moves the features to mean 0. Once is enough.
func (v *view) center(ctx context.Context) error {
	if v.centred {
		return nil
	}
	mean := make([]float64, v.width)
	err := v.newSums(v.width).add(ctx, mean, func(acc []float64, b *block) {
		for i := range b.n {
			floats.Add(acc, b.x[i*v.width:(i+1)*v.width])
		}
	})
	floats.Scale(1/float64(v.n), mean)
	v.mean, v.centred = mean[:v.d], err == nil
	return err
}

// standardize scales centred features to deviation 1. A constant feature becomes 0.
func (v *view) standardize(ctx context.Context) error {
	squares := make([]float64, v.width)
	err := v.newSums(v.width).add(ctx, squares, func(acc []float64, b *block) {
		for i := range b.n {
			for j, x := range b.x[i*v.width : (i+1)*v.width] {
				acc[j] += x * x
			}
		}
	})
	for j := range v.scale {
		dev := math.Sqrt(squares[j] / float64(v.n))
		// What is left of a constant feature after subtracting its mean is rounding.
		if dev > 1e-12*math.Abs(v.mean[j]) {
			v.scale[j] = 1 / dev
		}
	}
	return err
}
