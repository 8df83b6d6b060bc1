package onnxmerge

import "sync"

// granuleCache keeps the merged bytes of granules that are larger than one written block, from the first block that
// needs a granule until all of its bytes have been copied.
type granuleCache struct {
	mu       sync.Mutex
	granules map[int64]*granule // by index
}

// granule is the result of one granule; once computes it.
type granule struct {
	once     sync.Once
	data     []byte
	err      error
	uncopied int64 // bytes
}

// fillFromCache is fill for granules larger than a block.
func (m *mixer) fillFromCache(dst []byte, off int64) error {
	size := m.sizeBytes(m.unit())
	for len(dst) > 0 {
		index := off / size
		within := off - index*size
		n := min(int64(len(dst)), size-within)
		if err := m.copyGranule(dst[:n], index, within); err != nil {
			return err
		}
		dst, off = dst[n:], off+n
	}
	return nil
}

// copyGranule copies the bytes of one granule from byte within on. The first call for a granule computes it.
func (m *mixer) copyGranule(dst []byte, index, within int64) error {
	from := index * m.unit()
	elements := min(m.unit(), m.dst.Len()-from)
	m.cache.mu.Lock()
	if m.cache.granules == nil {
		m.cache.granules = map[int64]*granule{}
	}
	g := m.cache.granules[index]
	if g == nil {
		g = &granule{uncopied: m.sizeBytes(elements)}
		m.cache.granules[index] = g
	}
	m.cache.mu.Unlock()
	g.once.Do(func() {
		g.data = make([]byte, m.sizeBytes(elements))
		g.err = m.compute(g.data, from, elements, span{from, from + elements})
	})
	if g.err != nil {
		return g.err
	}
	copy(dst, g.data[within:])
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	if g.uncopied -= int64(len(dst)); g.uncopied <= 0 {
		delete(m.cache.granules, index)
	}
	return nil
}
