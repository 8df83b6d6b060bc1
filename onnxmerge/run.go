package onnxmerge

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Run writes the merged model to w. progress, if not nil, is called with the bytes
// of merged payload done so far and in all, from several goroutines. On an error or
// when ctx ends, what was written is not a model.
func (p *Plan) Run(ctx context.Context, w io.Writer, progress func(done, total int64)) error {
	if err := p.check(); err != nil {
		return err
	}
	var total int64
	for _, d := range p.Decisions {
		if d.Action == Merge {
			total += d.b.SizeBytes()
		}
	}
	var done atomic.Int64
	step := func(n int) {
		if progress != nil {
			progress(done.Add(int64(n)), total)
		}
	}
	mix := p.Method.New(p.Params)
	copyOf, isCopy := 0, false
	if p.Method.Copies != nil {
		copyOf, isCopy = p.Method.Copies(p.Params)
	}
	var replacements []graph.Replacement
	for _, d := range p.Decisions {
		if d.Action != Merge {
			continue
		}
		sources := []*graph.Tensor{d.a, d.b}
		fill := mixer(d.b.DType, mix, sources)
		if isCopy {
			fill = sources[copyOf].ReadAt
		}
		replacements = append(replacements, graph.Replacement{Tensor: d.b, Fill: func(dst []byte, off int64) error {
			defer step(len(dst))
			if err := fill(dst, off); err != nil {
				return fmt.Errorf("tensor %q: %w", d.Tensor, err)
			}
			return nil
		}})
	}
	return p.finetuned.Rewrite(ctx, w, replacements, p.workers)
}

// blockLen is the number of elements mixed at a time: small enough that the float64
// blocks of two models and the result stay in a core's first-level cache.
const blockLen = 1 << 10

// scratch is what one goroutine needs to mix blocks.
type scratch struct {
	raw    []byte      // the stored bytes of every source, one after the other
	src    [][]float64 // a decoded block of every source
	blocks [][]float64 // src cut to the block's length
	dst    []float64
}

// mixer returns a fill function that decodes the sources' elements, mixes them and
// encodes the result, rounding once.
func mixer(dtype graph.DType, mix method.Mix, sources []*graph.Tensor) func(dst []byte, off int64) error {
	codec, _ := dtype.Codec()
	pool := sync.Pool{New: func() any {
		n := len(sources)
		s := &scratch{dst: make([]float64, blockLen), src: make([][]float64, n), blocks: make([][]float64, n)}
		for m := range s.src {
			s.src[m] = make([]float64, blockLen)
		}
		return s
	}}
	return func(dst []byte, off int64) error {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		size := len(dst) * len(sources)
		s.raw = slices.Grow(s.raw[:0], size)[:size]
		for m, t := range sources {
			if err := t.ReadAt(s.raw[m*len(dst):(m+1)*len(dst)], off); err != nil {
				return err
			}
		}
		s.mix(dst, codec, mix)
		return nil
	}
}

// mix mixes the sources' bytes, which lie one after the other in raw, into dst.
func (s *scratch) mix(dst []byte, codec kernel.Codec, mix method.Mix) {
	elements := len(dst) / codec.Size
	for at := 0; at < elements; at += blockLen {
		n := min(blockLen, elements-at)
		for m := range s.src {
			s.blocks[m] = s.src[m][:n]
			codec.Decode(s.blocks[m], s.raw[m*len(dst)+at*codec.Size:])
		}
		mix(s.dst[:n], s.blocks)
		codec.Encode(dst[at*codec.Size:], s.dst[:n])
	}
}
