package scaled

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"gonum.org/v1/gonum/floats"
)

// gramBlocks is how many blocks of rows are in memory for a Gram matrix: with 768 features 1.6 MB, which the
// second-level cache holds.
const gramBlocks = 4

// Gram sets dst (width x width, the lower triangle) to the sum of h_i x_i x_i^T over every stride-th block of rows,
// with h at least 0; nil = 1. Workers share strips of dst, not rows, so that no partial sums are needed: for 1,024
// features each would take 8 MiB. visit, which may be nil, is called with every block, in order, whose rows are times
// the roots of h.
func (r *Rows) Gram(ctx context.Context, dst, h []float64, stride int, visit func(b *Block)) error {
	clear(dst)
	group, errs := make([]*Block, gramBlocks), make([]error, gramBlocks)
	for i := range group {
		group[i] = r.Blocks.Get().(*Block)
		defer r.Blocks.Put(group[i])
	}
	for lo := 0; lo < r.N; lo += gramBlocks * stride * BlockRows {
		loaded := min(gramBlocks, CeilDiv(r.N-lo, stride*BlockRows))
		Parallel(r.Workers, loaded, func(i int) {
			errs[i] = r.loadWeighted(group[i], h, lo+i*stride*BlockRows)
		})
		for _, err := range append(errs, ctx.Err()) {
			if err != nil {
				return err
			}
		}
		for _, b := range group[:loaded] {
			if visit != nil {
				visit(b)
			}
		}
		Parallel(r.Workers, r.Width/dense.ColTile, func(strip int) {
			for _, b := range group[:loaded] {
				dense.AddGramStrip(dst, r.Width, b.X, b.X, b.N, r.Width, strip*dense.ColTile)
			}
		})
	}
	return nil
}

// loadWeighted sets b to the rows from lo on, times the roots of h.
func (r *Rows) loadWeighted(b *Block, h []float64, lo int) error {
	if err := r.Load(b, lo); err != nil || h == nil {
		return err
	}
	for i := range b.N {
		floats.Scale(math.Sqrt(h[lo+i]), b.X[i*r.Width:(i+1)*r.Width])
	}
	return nil
}
