package scaled

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
	BlockRows    = 64
	MaxChunks    = 16
	maxChunkSize = 32 << 20 // bytes of all chunks' sums together
)

// block is some rows of a table, converted and padded.
type Block struct {
	chunk  int // the sum that the block belongs to
	Lo, N  int // rows of the table
	Padded int // rows of x, the last padded-n being zero
	X      []float64
	buf    []float32

	Scores, Curved []float64 // what a visitor computes of the rows
}

// resized returns n values, in x's memory if there is room. What they are is not defined.
func Resized(x []float64, n int) []float64 {
	if cap(x) < n {
		return make([]float64, n)
	}
	return x[:n]
}

// view is a table as solvers see it: features (x - mean) * scale, then a constant 1 that
// carries the intercept, then zeros up to the padded width.
type Rows struct {
	Table       feature.Table
	N, D        int
	Width       int       // padded
	Mean, Scale []float64 // d values
	centred     bool
	Workers     int
	Blocks      sync.Pool // of *block: a fit makes hundreds of passes, and a block may have megabytes
}

func New(t feature.Table, workers int) *Rows {
	v := &Rows{Table: t, N: t.Len(), D: t.Width(), Workers: workers}
	v.Width = dense.PadCols(v.D + 1)
	v.Mean, v.Scale = make([]float64, v.D), make([]float64, v.D)
	floats.AddConst(1, v.Scale)
	v.Blocks.New = func() any { return &Block{X: make([]float64, BlockRows*v.Width)} }
	return v
}

// sums are the partial sums of a pass, one per chunk.
type Sums struct {
	rows  *Rows
	parts [][]float64
}

// newSums prepares sums of size values.
func (v *Rows) NewSums(size int) *Sums {
	count := min(MaxChunks, CeilDiv(v.N, BlockRows), max(2, maxChunkSize/8/size))
	s := &Sums{rows: v, parts: make([][]float64, count)}
	for i := range s.parts {
		s.parts[i] = make([]float64, size)
	}
	return s
}

// add sets dst to the sum of what visit adds to acc for every block.
func (s *Sums) Add(ctx context.Context, dst []float64, visit func(acc []float64, b *Block)) error {
	for _, part := range s.parts {
		clear(part)
	}
	err := s.rows.Pass(ctx, len(s.parts), func(b *Block) { visit(s.parts[b.chunk], b) })
	if err != nil {
		return err
	}
	const piece = 4096
	Parallel(s.rows.Workers, CeilDiv(len(dst), piece), func(task int) {
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
func (v *Rows) Pass(ctx context.Context, count int, visit func(b *Block)) error {
	blocks := CeilDiv(v.N, BlockRows)
	errs := make([]error, count)
	Parallel(v.Workers, count, func(chunk int) {
		b := v.Blocks.Get().(*Block)
		defer v.Blocks.Put(b)
		b.chunk = chunk
		for i := blocks * chunk / count; i < blocks*(chunk+1)/count; i++ {
			if errs[chunk] = ctx.Err(); errs[chunk] != nil {
				return
			}
			if errs[chunk] = v.Load(b, i*BlockRows); errs[chunk] != nil {
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
func (v *Rows) Load(b *Block, lo int) error {
	b.Lo, b.N = lo, min(BlockRows, v.N-lo)
	rows, err := v.Table.Rows(b.buf, lo, lo+b.N)
	if err != nil {
		return err
	}
	if _, held := v.Table.(*feature.Set); !held {
		b.buf = rows
	}
	b.Padded = dense.PadRows(b.N)
	for i := range b.N {
		row := b.X[i*v.Width : (i+1)*v.Width]
		dense.Center(row, rows[i*v.D:(i+1)*v.D], v.Mean, v.Scale)
		row[v.D] = 1
	}
	clear(b.X[b.N*v.Width : b.Padded*v.Width])
	return nil
}

// center moves the features to mean 0. Once is enough.
func (v *Rows) Center(ctx context.Context) error {
	if v.centred {
		return nil
	}
	mean := make([]float64, v.Width)
	err := v.NewSums(v.Width).Add(ctx, mean, func(acc []float64, b *Block) {
		for i := range b.N {
			floats.Add(acc, b.X[i*v.Width:(i+1)*v.Width])
		}
	})
	floats.Scale(1/float64(v.N), mean)
	v.Mean, v.centred = mean[:v.D], err == nil
	return err
}

// standardize scales centred features to deviation 1. A constant feature becomes 0.
func (v *Rows) Standardize(ctx context.Context) error {
	squares := make([]float64, v.Width)
	err := v.NewSums(v.Width).Add(ctx, squares, func(acc []float64, b *Block) {
		for i := range b.N {
			for j, x := range b.X[i*v.Width : (i+1)*v.Width] {
				acc[j] += x * x
			}
		}
	})
	for j := range v.Scale {
		dev := math.Sqrt(squares[j] / float64(v.N))
		// What is left of a constant feature after subtracting its mean is rounding.
		if dev > 1e-12*math.Abs(v.Mean[j]) {
			v.Scale[j] = 1 / dev
		}
	}
	return err
}
