package mapping

import (
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
)

// reserve is the memory for what is too large to be left to the garbage collector, which frees it some time after its last use: two
// halves of a fixed size. A nil reserve has none. It is safe for concurrent use.
type reserve struct {
	half  int64 // bytes
	lock  sync.Mutex
	data  []byte // nil until it is used
	taken [2]bool
}

// newReserve returns a reserve of half the memory, or as much as a checkpoint's tensors need.
func (l Limits) newReserve(c *checkpoint.Checkpoint) *reserve {
	size := int64(0)
	for _, t := range c.Tensors {
		size += t.SizeBytes()
	}
	return &reserve{half: min(l.memory()/4, size)}
}

// reserveFor returns the reserve of the search, or one for a checkpoint.
func (m *Mapping) reserveFor(c *checkpoint.Checkpoint) *reserve {
	if m.reserve != nil {
		return m.reserve
	}
	return m.Limits.newReserve(c)
}

// take returns so many bytes, of any contents, and a function that gives them back; nil if they do not fit in what is free.
func (r *reserve) take(size int64) (data []byte, free func()) {
	if r == nil || size > 2*r.half {
		return nil, nil
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	first, last := 0, 1 // the halves that are taken
	switch {
	case size <= r.half && !r.taken[0]:
		last = 0
	case size <= r.half:
		first = 1
	}
	for i := first; i <= last; i++ {
		if r.taken[i] {
			return nil, nil
		}
	}
	if r.data == nil {
		r.data = make([]byte, 2*r.half)
	}
	set := func(taken bool) {
		for i := first; i <= last; i++ {
			r.taken[i] = taken
		}
	}
	set(true)
	return r.data[int64(first)*r.half:][:size:size], func() {
		r.lock.Lock()
		defer r.lock.Unlock()
		set(false)
	}
}
