package onnxmerge

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// stretchLen is the number of elements in a part of a scan, 256 Ki: large against the 256 KiB of counters that a part
// of a radix selection allocates for each model. Granules larger than this make longer stretches.
const stretchLen = 256 << 10

// stretch is a range of n elements of one tensor, from element from on.
type stretch struct {
	m       *mixer
	from, n int64
}

// stretches divides tensors for a scan. The result depends on the tensors and the granule only.
func stretches(mixers []*mixer, granule int64) []stretch {
	var list []stretch
	for _, m := range mixers {
		unit := max(granule, 1)
		if m.codec.Bits < 8 && unit%2 == 1 {
			unit *= 2 // a stretch of 4-bit elements begins at a byte
		}
		step := unit * max(1, stretchLen/unit)
		for from := int64(0); from < m.dst.Len(); from += step {
			list = append(list, stretch{m, from, min(step, m.dst.Len()-from)})
		}
	}
	return list
}

// scanner returns a scan that reads the tensors of mixers once, with up to workers goroutines. Parts are created and
// returned in order by the calling goroutine, so that the result does not depend on workers.
func scanner(ctx context.Context, mixers []*mixer, workers int) method.Scan {
	return func(granule int64, part func() method.Part, done func(method.Part)) error {
		var running []*runningPart // in the order of their stretches
		var failed error
		finish := func() {
			r := running[0]
			running = running[1:]
			if err := <-r.err; err != nil && failed == nil {
				failed = err
			}
			if failed == nil {
				done(r.part)
			}
		}
		for _, s := range stretches(mixers, granule) {
			if len(running) == max(workers, 1) {
				finish()
			}
			if failed == nil {
				failed = ctx.Err()
			}
			if failed != nil {
				break
			}
			r := &runningPart{part(), make(chan error, 1)}
			running = append(running, r)
			if workers <= 1 {
				r.err <- s.scan(r.part, granule)
				continue
			}
			go func() { r.err <- s.scan(r.part, granule) }()
		}
		for len(running) > 0 {
			finish()
		}
		return failed
	}
}

// runningPart is a part whose stretch is being read; err receives the outcome once.
type runningPart struct {
	part method.Part
	err  chan error
}

// scan passes a stretch to a part, block by block.
func (s stretch) scan(part method.Part, granule int64) error {
	m := s.m
	unit := max(granule, 1)
	if m.codec.Bits < 8 && unit%2 == 1 {
		unit *= 2
	}
	block := int64(blockOf(unit))
	// One read is about as long as one write, onnx.BlockSize.
	step := block * max(1, onnx.BlockSize*8/int64(m.codec.Bits)/block)
	buf := m.pool.Get().(*scratch)
	defer m.pool.Put(buf)
	buf.grow(int(min(block, s.n)))
	for from := s.from; from < s.from+s.n; from += step {
		n := min(step, s.from+s.n-from)
		if err := buf.read(m.sources, from, n); err != nil {
			return fmt.Errorf("tensor %q: %w", m.dst.ID(), err)
		}
		for at := int64(0); at < n; at += block {
			part.Add(m.decode(buf, int(at), int(min(block, n-at))), from+at)
		}
	}
	return nil
}
