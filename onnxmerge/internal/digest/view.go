package digest

import (
	"context"
	"errors"
	"os"

	"github.com/wiseft/wiseft/onnxmerge/internal/mmap"
)

// View is a range of a tapped file in memory. Close it.
type View struct {
	*mmap.Range
	hashed chan struct{} // closed when the range is hashed, or will not be
}

// View returns size > 0 bytes of the file from off on. Another goroutine hashes them meanwhile, as if they were read in their order.
// errors.ErrUnsupported is for what is no file of the system, or is not to be had in memory.
func (t *Tap) View(off, size int64) (*View, error) {
	f, ok := t.r.(*os.File)
	if !ok || off < 0 || size > t.size-off {
		return nil, errors.ErrUnsupported
	}
	r, err := mmap.Open(f, off, size)
	if err != nil {
		return nil, err
	}
	v := &View{r, make(chan struct{})}
	t.mu.Lock()
	before := t.viewed
	t.viewed = v.hashed
	t.mu.Unlock()
	go func() {
		defer close(v.hashed)
		if before != nil {
			<-before
		}
		if t.started.Load() {
			t.hashView(r, off, size)
		}
	}()
	return v, nil
}

// Close ends the use of the range after it is hashed.
func (v *View) Close() error {
	<-v.hashed
	return v.Range.Close()
}

// viewStep is how many bytes of a view are hashed at a time; other readers of the file wait so long.
const viewStep = 256 << 10

// hashView hashes a range if the file is hashed up to it, or nearly.
func (t *Tap) hashView(r *mmap.Range, off, size int64) {
	follows := true
	for at := int64(0); at < size && follows; at += viewStep {
		err := r.Use(func(data []byte) {
			step := data[at:min(at+viewStep, size)]
			load(step)
			follows = t.follow(step, off+at)
		})
		if err != nil {
			t.restart()
			return
		}
	}
}

// load reads a byte of each line of the cache, so that all are in it. A hash would wait for each of them in turn: for what is not in
// the cache it takes a third less after this. It returns their sum, since a compiler may leave out what is not used.
//
//go:noinline
func load(p []byte) (sum byte) {
	for i := 0; i < len(p); i += 64 {
		sum += p[i]
	}
	return sum
}

// follow hashes bytes from off on, and reports whether the file is hashed up to them.
func (t *Tap) follow(p []byte, off int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drain()
	if off-t.next > smallGap || t.readUntil(context.Background(), off) != nil {
		return false
	}
	t.hash(p, off)
	t.drain()
	return true
}

// restart forgets what was hashed, after a fault in the middle of it.
func (t *Tap) restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum, t.next, t.early, t.earlyBytes = t.alg.New(), 0, nil, 0
}
