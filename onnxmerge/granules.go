package onnxmerge

import "sync"

// holder keeps the merged bytes of granules that are larger than the blocks in which
// they are written, from the first block that asks until all have been handed out.
type holder struct {
	mu   sync.Mutex
	made map[int64]*granule // by index
}

// granule is one of them.
type granule struct {
	once sync.Once
	data []byte
	err  error
	left int64 // bytes not yet handed out
}

// fillHeld is fill for large granules.
func (m *mixer) fillHeld(dst []byte, off int64) error {
	size := m.sizeBytes(m.unit())
	for len(dst) > 0 {
		index := off / size
		within := off - index*size
		n := min(int64(len(dst)), size-within)
		if err := m.hand(dst[:n], index, within); err != nil {
			return err
		}
		dst, off = dst[n:], off+n
	}
	return nil
}

// hand copies a part of one granule.
func (m *mixer) hand(dst []byte, index, within int64) error {
	from := index * m.unit()
	elements := min(m.unit(), m.dst.Len()-from)
	m.held.mu.Lock()
	if m.held.made == nil {
		m.held.made = map[int64]*granule{}
	}
	g := m.held.made[index]
	if g == nil {
		g = &granule{left: m.sizeBytes(elements)}
		m.held.made[index] = g
	}
	m.held.mu.Unlock()
	g.once.Do(func() {
		g.data = make([]byte, m.sizeBytes(elements))
		g.err = m.make(g.data, from, elements)
	})
	if g.err != nil {
		return g.err
	}
	copy(dst, g.data[within:])
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	if g.left -= int64(len(dst)); g.left <= 0 {
		delete(m.held.made, index)
	}
	return nil
}
