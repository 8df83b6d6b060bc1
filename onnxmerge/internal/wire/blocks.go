package wire

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// part is a range of the output whose bytes can be computed in any order.
type part struct {
	size int64
	fill func(ctx context.Context, dst []byte, off int64) error
}

// block is a buffer that a worker fills and the writer then writes.
type block struct {
	buf  []byte
	done chan error
}

// Times is how long the parts of a write took.
type Times struct {
	Filling time.Duration // of blocks, the sum over the workers
	Waiting time.Duration // of the writer, for a block to be filled
	Writing time.Duration // of blocks, by the writer
}

// Add adds the times of another write.
func (t *Times) Add(u Times) {
	t.Filling += u.Filling
	t.Waiting += u.Waiting
	t.Writing += u.Writing
}

// writeParts writes the parts in order. Workers fill blocks concurrently and the writer writes them in order, so that
// the output does not depend on the number of workers.
func writeParts(ctx context.Context, w io.Writer, parts []part, workers int) (t Times, err error) {
	if err := ctx.Err(); err != nil {
		return t, err // a small file could be complete before any check below
	}
	group, ctx := errgroup.WithContext(ctx)
	type job struct {
		fill func(ctx context.Context, dst []byte, off int64) error
		off  int64
		out  *block
	}
	jobs := make(chan job)
	queue := make(chan *block, workers) // in output order
	free := make(chan []byte, 2*workers+1)
	for range cap(free) {
		free <- make([]byte, BlockSize)
	}
	group.Go(func() error {
		defer close(jobs)
		defer close(queue)
		for _, p := range parts {
			for off := int64(0); off < p.size; off += BlockSize {
				var buf []byte
				select {
				case buf = <-free:
				case <-ctx.Done():
					return ctx.Err()
				}
				b := &block{buf: buf[:min(BlockSize, p.size-off)], done: make(chan error, 1)}
				select {
				case jobs <- job{p.fill, off, b}:
				case <-ctx.Done():
					return ctx.Err()
				}
				select {
				case queue <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	var filling atomic.Int64
	for range workers {
		group.Go(func() error {
			for j := range jobs {
				start := time.Now()
				err := j.fill(ctx, j.out.buf, j.off)
				filling.Add(int64(time.Since(start)))
				j.out.done <- err
			}
			return nil
		})
	}
	group.Go(func() error {
		last := time.Now()
		for b := range queue {
			if err := <-b.done; err != nil {
				return err
			}
			filled := time.Now()
			if _, err := w.Write(b.buf); err != nil {
				return err
			}
			written := time.Now()
			t.Waiting += filled.Sub(last)
			t.Writing += written.Sub(filled)
			last = written
			free <- b.buf[:BlockSize]
		}
		return nil
	})
	err = group.Wait()
	t.Filling = time.Duration(filling.Load())
	return t, err
}
