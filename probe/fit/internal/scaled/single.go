package scaled

import (
	"context"
	"sync"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// SingleBlock is some rows of a table in single precision, scaled and padded as those of [Block].
type SingleBlock struct {
	Lo, N  int // rows of the table
	Padded int // rows of X; those from N on are zero
	X      []float32
	Scores []float32 // a buffer for what a visitor computes of the rows
	// Ahead are the features of the next rows, which are read soon; nil if they are not in memory.
	Ahead []float32
	buf   []float32
}

// Single scales rows as [Rows] does, in single precision. It does not follow a later change of the scaling.
type Single struct {
	width            int
	mean, low, scale []float32 // the mean is mean + low
}

// Single returns the scaling at present.
func (r *Rows) Single() *Single {
	s := &Single{width: r.Width, mean: make([]float32, r.D), low: make([]float32, r.D), scale: make([]float32, r.D)}
	for j, m := range r.Mean {
		s.mean[j], s.scale[j] = float32(m), float32(r.Scale[j])
		s.low[j] = float32(m - float64(s.mean[j]))
	}
	return s
}

// Scale sets dst, a row of the padded width, to the features src, the constant for the intercept and the padding.
func (s *Single) Scale(dst, src []float32, constant float32) {
	d := len(s.mean)
	dense.CenterSingle(dst, src[:d], s.mean, s.low, s.scale)
	dst[d] = constant
	clear(dst[d+1 : s.width])
}

// SingleSums are the partial sums of passes over the rows in single precision, one per chunk: many sums in single
// precision, a few in double precision.
type SingleSums struct {
	rows    *Rows
	scaling *Single
	parts   [][]float32
	precise [][]float64
	blocks  sync.Pool // of *SingleBlock
}

// NewSingleSums returns sums of size values in single and precise values in double precision.
func (r *Rows) NewSingleSums(size, precise int) *SingleSums {
	count := r.chunks(size * 4)
	s := &SingleSums{rows: r, scaling: r.Single(), parts: make([][]float32, count), precise: make([][]float64, count)}
	for i := range count {
		s.parts[i], s.precise[i] = make([]float32, size), make([]float64, precise)
	}
	s.blocks.New = func() any { return &SingleBlock{} }
	return s
}

// Add sets dst to the sums of what visit adds to acc and precise for every block, first those in single precision.
func (s *SingleSums) Add(
	ctx context.Context, dst []float64, visit func(acc []float32, precise []float64, b *SingleBlock),
) error {
	count, size := len(s.parts), len(s.parts[0])
	err := s.rows.eachChunk(ctx, count, func(chunk int) (func(lo int) error, func()) {
		clear(s.parts[chunk])
		clear(s.precise[chunk])
		b := s.blocks.Get().(*SingleBlock)
		return func(lo int) error {
			if err := s.Load(b, lo); err != nil {
				return err
			}
			visit(s.parts[chunk], s.precise[chunk], b)
			return nil
		}, func() { s.blocks.Put(b) }
	})
	if err != nil {
		return err
	}
	Parallel(s.rows.Workers, CeilDiv(size, sumPiece), func(task int) {
		lo, hi := task*sumPiece, min((task+1)*sumPiece, size)
		clear(dst[lo:hi])
		for _, part := range s.parts {
			for j, v := range part[lo:hi] {
				dst[lo+j] += float64(v)
			}
		}
	})
	clear(dst[size:])
	for _, p := range s.precise {
		floats.Add(dst[size:], p)
	}
	return nil
}

// Load sets b to the rows from lo on.
func (s *SingleSums) Load(b *SingleBlock, lo int) error {
	r := s.rows
	b.X = Resized(b.X, BlockRows*r.Width)
	b.Lo, b.N = lo, min(BlockRows, r.N-lo)
	rows, err := r.Table.Rows(b.buf, lo, lo+b.N)
	if err != nil {
		return err
	}
	b.Ahead = nil
	if _, held := r.Table.(*feature.Set); !held {
		b.buf = rows
	} else if next := lo + b.N; next < r.N {
		if b.Ahead, err = r.Table.Rows(nil, next, min(next+BlockRows, r.N)); err != nil {
			return err
		}
	}
	b.Padded = dense.PadRows(b.N)
	for i := range b.N {
		s.scaling.Scale(b.X[i*r.Width:(i+1)*r.Width], rows[i*r.D:(i+1)*r.D], 1)
	}
	clear(b.X[b.N*r.Width : b.Padded*r.Width])
	return nil
}
