package onnxmerge

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// stretchLen is how many elements one part of a scan sees, at least: so many that what
// it counts with (256 KiB for each model) costs little beside it.
const stretchLen = 256 << 10

// stretch is a range of elements of one tensor.
type stretch struct {
	m       *mixer
	from, n int64
}

// stretches cuts tensors for a scan. Which there are depends on the tensors alone.
func stretches(mixers []*mixer, granule int64) []stretch {
	var list []stretch
	for _, m := range mixers {
		unit := max(granule, 1)
		if m.codec.Bits < 8 && unit%2 == 1 {
			unit *= 2 // whole bytes
		}
		step := unit * max(1, stretchLen/unit)
		for from := int64(0); from < m.dst.Len(); from += step {
			list = append(list, stretch{m, from, min(step, m.dst.Len()-from)})
		}
	}
	return list
}

// scanner returns what reads the tensors of mixers once for a method, with up to
// workers goroutines. Parts are made and taken back here, in order, so that the result
// does not depend on workers.
func scanner(ctx context.Context, mixers []*mixer, workers int) method.Scan {
	return func(granule int64, part func() method.Part, done func(method.Part)) error {
		var running []*gathering
		var failed error
		finish := func() {
			g := running[0]
			running = running[1:]
			if err := <-g.err; err != nil && failed == nil {
				failed = err
			}
			if failed == nil {
				done(g.part)
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
			g := &gathering{part(), make(chan error, 1)}
			running = append(running, g)
			if workers <= 1 {
				g.err <- s.gather(g.part, granule)
				continue
			}
			go func() { g.err <- s.gather(g.part, granule) }()
		}
		for len(running) > 0 {
			finish()
		}
		return failed
	}
}

// gathering is a part at work.
type gathering struct {
	part method.Part
	err  chan error
}

// gather shows a stretch to a part, block by block.
func (s stretch) gather(part method.Part, granule int64) error {
	m := s.m
	unit := max(granule, 1)
	if m.codec.Bits < 8 && unit%2 == 1 {
		unit *= 2
	}
	block := int64(blockOf(unit))
	// What is read at a time: about as much as is written at a time.
	step := block * max(1, onnx.BlockSize*8/int64(m.codec.Bits)/block)
	buf := m.pool.Get().(*scratch)
	defer m.pool.Put(buf)
	buf.grow(int(min(block, s.n)))
	for from := s.from; from < s.from+s.n; from += step {
		n := min(step, s.from+s.n-from)
		if err := buf.read(m.sources, m.sizeBytes(from), int(m.sizeBytes(n))); err != nil {
			return fmt.Errorf("tensor %q: %w", m.dst.ID(), err)
		}
		for at := int64(0); at < n; at += block {
			part.Add(buf.decode(m.codec, int(at), int(min(block, n-at))), from+at)
		}
	}
	return nil
}
