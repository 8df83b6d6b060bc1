package digest

import (
	"context"
	"hash"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// A Tap reads a file for others. Once it is open it also hashes what they read, as
// far as that comes in the order of the file; Sum reads what is missing. It is safe
// for concurrent use.
type Tap struct {
	r    io.ReaderAt
	size int64
	alg  Algorithm
	open atomic.Bool

	mu    sync.Mutex
	limit int // of held
	sum   hash.Hash
	next  int64   // everything before it is hashed
	early []piece // read before their turn, by offset
	held  int     // bytes in early
	spare [][]byte
}

type piece struct {
	off  int64
	data []byte
}

// smallGap is below the blocks that workers read: nobody will come with it.
const smallGap = 64 << 10

// NewTap returns a tap, closed, on the first size bytes of r.
func NewTap(r io.ReaderAt, size int64, alg Algorithm) *Tap {
	return &Tap{r: r, size: size, alg: alg, sum: alg.New()}
}

// Open begins hashing. What is read before its turn waits in up to limit bytes, which
// should be some blocks of each reader; beyond, Sum reads it again. Opening twice is
// harmless.
func (t *Tap) Open(limit int) {
	t.mu.Lock()
	t.limit = limit
	t.mu.Unlock()
	t.open.Store(true)
}

// Algorithm returns the hash function.
func (t *Tap) Algorithm() Algorithm { return t.alg }

// ReadAt implements io.ReaderAt.
func (t *Tap) ReadAt(p []byte, off int64) (int, error) {
	n, err := t.r.ReadAt(p, off)
	if n > 0 && t.open.Load() {
		t.add(p[:n], off)
	}
	return n, err
}

func (t *Tap) add(p []byte, off int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case off <= t.next:
		t.hash(p, off)
		t.drain()
	case off-t.next > int64(t.limit):
		return // far ahead, as where two files have another order: Sum will read it
	case off-t.next <= smallGap && t.readUntil(context.Background(), off) == nil:
		t.hash(p, off)
		t.drain()
	default:
		if t.held+len(p) > t.limit {
			t.skipGap()
		}
		t.hold(p, off)
	}
}

// hash takes the part of p that is next, if there is any.
func (t *Tap) hash(p []byte, off int64) {
	if end := off + int64(len(p)); end > t.next {
		_, _ = t.sum.Write(p[t.next-off:]) // a hash never fails
		t.next = end
	}
}

func (t *Tap) hold(p []byte, off int64) {
	if off <= t.next {
		t.hash(p, off)
		t.drain()
		return
	}
	if t.held+len(p) > t.limit {
		return
	}
	i, _ := slices.BinarySearchFunc(t.early, off, func(e piece, off int64) int { return int(e.off - off) })
	var data []byte
	if n := len(t.spare); n > 0 {
		data, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	t.early = slices.Insert(t.early, i, piece{off, append(data, p...)})
	t.held += len(p)
}

// drain hashes the held pieces whose turn it is.
func (t *Tap) drain() {
	n := 0
	for n < len(t.early) && t.early[n].off <= t.next {
		t.hash(t.early[n].data, t.early[n].off)
		t.held -= len(t.early[n].data)
		t.spare = append(t.spare, t.early[n].data[:0])
		n++
	}
	t.early = slices.Delete(t.early, 0, n)
}

// skipGap reads what nobody asked for, such as the padding between two tensors, up to
// the first held piece. A failure leaves the gap to Sum, which reports it.
func (t *Tap) skipGap() {
	if len(t.early) == 0 {
		return
	}
	if t.readUntil(context.Background(), t.early[0].off) != nil {
		t.early, t.held = nil, 0
		return
	}
	t.drain()
}

func (t *Tap) readUntil(ctx context.Context, end int64) error {
	buf := make([]byte, min(256<<10, max(end-t.next, 0)))
	for t.next < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(int64(len(buf)), end-t.next)
		if got, err := t.r.ReadAt(buf[:n], t.next); int64(got) < n {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF // the file became shorter
			}
			return err
		}
		t.hash(buf[:n], t.next)
	}
	return nil
}

// Sum reads what was not hashed yet and returns the hash of the whole file in
// hexadecimal.
func (t *Tap) Sum(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.next < t.size {
		t.drain()
		end := t.size
		if len(t.early) > 0 {
			end = t.early[0].off
		}
		if err := t.readUntil(ctx, end); err != nil {
			return "", err
		}
	}
	return Hex(t.sum), nil
}
