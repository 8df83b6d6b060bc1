package digest

import (
	"context"
	"errors"
	"hash"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Tap reads a file for others. After [Tap.Start] it also hashes the bytes that are read in the order of the file;
// [Tap.Sum] reads what is missing. It is safe for concurrent use.
type Tap struct {
	r       io.ReaderAt
	size    int64
	alg     Algorithm
	started atomic.Bool
	reading atomic.Int64 // nanoseconds of all reads
	read    atomic.Int64 // bytes that were read

	mu         sync.Mutex
	limit      int // of earlyBytes
	sum        hash.Hash
	next       int64   // offset up to which the file is hashed
	early      []piece // pieces read ahead of next, by offset
	earlyBytes int     // bytes in early
	spare      [][]byte
	gap        []byte        // what readUntil reads into
	viewed     chan struct{} // closed when the last view is hashed; nil without views
}

type piece struct {
	off  int64
	data []byte
}

// smallGap is the largest gap that is read at once: it is less than the blocks that workers read, so that no later
// read fills it.
const smallGap = 64 << 10

// mostEarly is how many pieces wait at most. Of a model with 200,000 small tensors as many pieces would fit into the limit, and
// each that is hashed or inserted moves those behind it.
const mostEarly = 4096

// shortPiece is the size in bytes below which pieces that are read ahead do not wait.
const shortPiece = 1 << 10

// NewTap returns a tap on the first size bytes of r that does not hash yet.
func NewTap(r io.ReaderAt, size int64, alg Algorithm) *Tap {
	return &Tap{r: r, size: size, alg: alg, sum: alg.New()}
}

// Start begins hashing. Pieces that are read ahead of the hash wait in up to limit bytes, which should be a few
// blocks for each reader; Sum reads again what exceeds them. Further calls only change limit.
func (t *Tap) Start(limit int) {
	t.mu.Lock()
	t.limit = limit
	t.mu.Unlock()
	t.started.Store(true)
}

// Algorithm returns the hash function.
func (t *Tap) Algorithm() Algorithm { return t.alg }

// ReadAt implements io.ReaderAt.
func (t *Tap) ReadAt(p []byte, off int64) (int, error) {
	n, err := t.readAt(p, off)
	if n > 0 && t.started.Load() {
		t.add(p[:n], off)
	}
	return n, err
}

// readAt reads, and measures how long that takes.
func (t *Tap) readAt(p []byte, off int64) (int, error) {
	start := time.Now()
	n, err := t.r.ReadAt(p, off)
	t.reading.Add(int64(time.Since(start)))
	t.read.Add(int64(n))
	return n, err
}

// Reads returns how long all reads of the file took so far, of all goroutines together, and how many bytes they read.
func (t *Tap) Reads() (time.Duration, int64) { return time.Duration(t.reading.Load()), t.read.Load() }

func (t *Tap) add(p []byte, off int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case off <= t.next:
		t.hash(p, off)
		t.drain()
	case len(p) < shortPiece:
		return // a look at some elements, which are read again in order
	case off-t.next > int64(t.limit):
		// Far ahead, as if two files have different orders: Sum reads it again. If pieces wait, the reader of what is before them
		// may be slow, or was itself far ahead before.
		if len(t.early) == 0 {
			return
		}
		t.skipGap()
		t.keepEarly(p, off)
	case off-t.next <= smallGap && t.readUntil(context.Background(), off) == nil:
		t.hash(p, off)
		t.drain()
	default:
		if t.full(p) {
			t.skipGap()
		}
		t.keepEarly(p, off)
	}
}

// full reports whether p may not wait.
func (t *Tap) full(p []byte) bool { return t.earlyBytes+len(p) > t.limit || len(t.early) >= mostEarly }

// hash adds the part of p that follows next, if any.
func (t *Tap) hash(p []byte, off int64) {
	if end := off + int64(len(p)); end > t.next {
		_, _ = t.sum.Write(p[t.next-off:]) // a hash never fails
		t.next = end
	}
}

func (t *Tap) keepEarly(p []byte, off int64) {
	if off <= t.next {
		t.hash(p, off)
		t.drain()
		return
	}
	if t.full(p) || off-t.next > int64(t.limit) {
		return
	}
	i, _ := slices.BinarySearchFunc(t.early, off, func(e piece, off int64) int { return int(e.off - off) })
	var data []byte
	if n := len(t.spare); n > 0 {
		data, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	t.early = slices.Insert(t.early, i, piece{off, append(data, p...)})
	t.earlyBytes += len(p)
}

// drain hashes the waiting pieces that follow next.
func (t *Tap) drain() {
	n := 0
	for n < len(t.early) && t.early[n].off <= t.next {
		t.hash(t.early[n].data, t.early[n].off)
		t.earlyBytes -= len(t.early[n].data)
		t.spare = append(t.spare, t.early[n].data[:0])
		n++
	}
	clear(t.early[:n])
	t.early = t.early[n:]
}

// skipGap reads bytes that nothing else reads, such as the padding between two tensors, up to the first waiting
// piece. Sum reports a failure.
func (t *Tap) skipGap() {
	if len(t.early) == 0 {
		return
	}
	if t.readUntil(context.Background(), t.early[0].off) != nil {
		t.early, t.earlyBytes = nil, 0
		return
	}
	t.drain()
}

func (t *Tap) readUntil(ctx context.Context, end int64) error {
	if t.next < end && t.gap == nil {
		t.gap = make([]byte, 256<<10)
	}
	for buf := t.gap; t.next < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(int64(len(buf)), end-t.next)
		if got, err := t.readAt(buf[:n], t.next); int64(got) < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the file is shorter than size
			}
			return err
		}
		t.hash(buf[:n], t.next)
	}
	return nil
}

// Sum reads the bytes that are not hashed yet and returns the hexadecimal hash of the whole file.
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
