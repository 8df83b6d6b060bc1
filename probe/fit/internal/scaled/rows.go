// Package scaled gives the solvers of probes their rows: features as float64, centred and scaled, in padded blocks, and
// passes over them whose sums do not depend on the number of workers.
package scaled

import (
	"context"
	"math"
	"sync"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// Sizes of the parts of a pass. A block of 64 rows of 768 features takes 400 KB as float64 and stays in the
// second-level cache together with the weights. Sums are made per chunk and added in the order of the chunks, so that
// they do not depend on the number of workers. 16 chunks distribute the work evenly; fewer are used where the sums
// are large.
const (
	BlockRows    = 64
	MaxChunks    = 16
	maxChunkSize = 32 << 20 // bytes of the sums of all chunks
)

// Block is some rows of a table, converted to float64, scaled and padded.
type Block struct {
	chunk  int // index of its sum
	Lo, N  int // rows of the table
	Padded int // rows of X; those from N on are zero
	X      []float64
	buf    []float32

	Scores, Curved []float64 // buffers for what a visitor computes of the rows
}

// Resized returns n values, in the memory of x if it is large enough. Their content is not defined.
func Resized[T float32 | float64](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// Rows is a table as solvers use it: features (x - Mean) * Scale, then a constant 1 as the factor of the intercept,
// then zeros up to the padded width. Features stay float32, in memory or in the file; a block is converted while it
// is in the cache.
type Rows struct {
	Table       feature.Table
	N, D        int
	Width       int       // D + 1, padded
	Mean, Scale []float64 // d values
	centred     bool
	Workers     int
	Blocks      sync.Pool // of *Block. A fit makes hundreds of passes, and a block may have megabytes.
}

// New returns the rows of t, neither centred nor scaled. workers is the number of goroutines of a pass; 0 = GOMAXPROCS.
func New(t feature.Table, workers int) *Rows {
	r := &Rows{Table: t, N: t.Len(), D: t.Width(), Workers: workers}
	r.Width = dense.PadCols(r.D + 1)
	r.Mean, r.Scale = make([]float64, r.D), make([]float64, r.D)
	floats.AddConst(1, r.Scale)
	r.Blocks.New = func() any { return &Block{X: make([]float64, BlockRows*r.Width)} }
	return r
}

// chunks returns the number of chunks of a pass whose sums have sizeBytes each.
func (r *Rows) chunks(sizeBytes int) int {
	return min(MaxChunks, CeilDiv(r.N, BlockRows), max(2, maxChunkSize/sizeBytes))
}

// Sums are the partial sums of a pass, one per chunk.
type Sums struct {
	rows  *Rows
	parts [][]float64
}

// NewSums returns sums of size values.
func (r *Rows) NewSums(size int) *Sums {
	s := &Sums{rows: r, parts: make([][]float64, r.chunks(size*8))}
	for i := range s.parts {
		s.parts[i] = make([]float64, size)
	}
	return s
}

// sumPiece is how many values of the sums a worker adds at a time.
const sumPiece = 4096

// Add sets dst to the sum of what visit adds to acc for every block.
func (s *Sums) Add(ctx context.Context, dst []float64, visit func(acc []float64, b *Block)) error {
	for _, part := range s.parts {
		clear(part)
	}
	err := s.rows.Pass(ctx, len(s.parts), func(b *Block) { visit(s.parts[b.chunk], b) })
	if err != nil {
		return err
	}
	Parallel(s.rows.Workers, CeilDiv(len(dst), sumPiece), func(task int) {
		lo, hi := task*sumPiece, min((task+1)*sumPiece, len(dst))
		copy(dst[lo:hi], s.parts[0][lo:hi])
		for _, part := range s.parts[1:] {
			floats.Add(dst[lo:hi], part[lo:hi])
		}
	})
	return nil
}

// Pass calls visit with all rows, block by block, in count chunks. Blocks of one chunk are visited in order and never
// concurrently.
func (r *Rows) Pass(ctx context.Context, count int, visit func(b *Block)) error {
	return r.eachChunk(ctx, count, func(chunk int) (func(lo int) error, func()) {
		b := r.Blocks.Get().(*Block)
		b.chunk = chunk
		return func(lo int) error {
			if err := r.Load(b, lo); err != nil {
				return err
			}
			visit(b)
			return nil
		}, func() { r.Blocks.Put(b) }
	})
}

// eachChunk divides the rows into count chunks. For every chunk it calls begin, whose results are called with the first
// row of every block of the chunk, in order, and at the end of the chunk.
func (r *Rows) eachChunk(
	ctx context.Context, count int, begin func(chunk int) (visit func(lo int) error, end func()),
) error {
	blocks, errs := CeilDiv(r.N, BlockRows), make([]error, count)
	Parallel(r.Workers, count, func(chunk int) {
		visit, end := begin(chunk)
		defer end()
		for i := blocks * chunk / count; i < blocks*(chunk+1)/count; i++ {
			if errs[chunk] = ctx.Err(); errs[chunk] != nil {
				return
			}
			if errs[chunk] = visit(i * BlockRows); errs[chunk] != nil {
				return
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Load sets b to the rows from lo on.
func (r *Rows) Load(b *Block, lo int) error {
	b.Lo, b.N = lo, min(BlockRows, r.N-lo)
	rows, err := r.Table.Rows(b.buf, lo, lo+b.N)
	if err != nil {
		return err
	}
	if _, held := r.Table.(*feature.Set); !held {
		b.buf = rows
	}
	b.Padded = dense.PadRows(b.N)
	for i := range b.N {
		row := b.X[i*r.Width : (i+1)*r.Width]
		dense.Center(row, rows[i*r.D:(i+1)*r.D], r.Mean, r.Scale)
		row[r.D] = 1
	}
	clear(b.X[b.N*r.Width : b.Padded*r.Width])
	return nil
}

// Center sets Mean to the mean of the features. Further calls do nothing.
func (r *Rows) Center(ctx context.Context) error {
	if r.centred {
		return nil
	}
	mean := make([]float64, r.Width)
	err := r.NewSums(r.Width).Add(ctx, mean, func(acc []float64, b *Block) {
		for i := range b.N {
			floats.Add(acc, b.X[i*r.Width:(i+1)*r.Width])
		}
	})
	floats.Scale(1/float64(r.N), mean)
	r.Mean, r.centred = mean[:r.D], err == nil
	return err
}

// Standardize sets Scale so that centred features have standard deviation 1. A constant feature becomes 0.
func (r *Rows) Standardize(ctx context.Context) error {
	squares := make([]float64, r.Width)
	err := r.NewSums(r.Width).Add(ctx, squares, func(acc []float64, b *Block) {
		for i := range b.N {
			for j, x := range b.X[i*r.Width : (i+1)*r.Width] {
				acc[j] += x * x
			}
		}
	})
	for j := range r.Scale {
		dev := math.Sqrt(squares[j] / float64(r.N))
		// The deviation of a constant feature is not exactly 0, because its mean is rounded.
		if dev > 1e-12*math.Abs(r.Mean[j]) {
			r.Scale[j] = 1 / dev
		}
	}
	return err
}
