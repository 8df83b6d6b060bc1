package h5

import (
	"errors"
	"fmt"
	"math/bits"
)

// chunkIndex says how chunks are found: by the version 1 B-tree of layout 3, or by one of the indices of layout 4.
type chunkIndex struct {
	kind indexKind
	size uint64 // singleChunk with filters: stored bytes; 0 without
	mask uint32 // singleChunk: filters that were skipped
}

type indexKind uint8

const (
	btree1          indexKind = 0
	singleChunk     indexKind = 1
	implicitIndex   indexKind = 2
	fixedArray      indexKind = 3
	extensibleArray indexKind = 4
	btree2          indexKind = 5
)

// Flags of a chunked layout.
const (
	edgesUnfiltered = 1 // chunks beyond the edge are stored without filters
	singleFiltered  = 2
)

// readChunked reads a chunked layout of version 4 behind its class.
func (l *layout) readChunked(c *cursor) error {
	flags := c.u8()
	rank := int(c.u8()) - 1 // the element size counts as an axis
	width := int(c.u8())
	if width < 1 || width > 8 {
		return fmt.Errorf("has chunk extents of %d bytes", width)
	}
	for range rank {
		n := c.uint(width)
		if c.err == nil && (n == 0 || n > maxElements) {
			return fmt.Errorf("has a chunk extent of %d", n)
		}
		l.chunk = append(l.chunk, int(n))
	}
	c.uint(width) // element size
	if flags&edgesUnfiltered != 0 {
		return errors.New("has chunks at its edge that are stored without filters, which is not supported")
	}
	l.index.kind = indexKind(c.u8())
	switch l.index.kind {
	case singleChunk:
		if flags&singleFiltered != 0 {
			l.index.size, l.index.mask = c.u64(), c.u32()
		}
	case implicitIndex:
	case fixedArray:
		c.take(1) // page bits, which the array's header repeats
	case extensibleArray:
		c.take(5) // as above
	case btree2:
		c.take(4 + 1 + 1) // node size and bounds, which the tree's header repeats
	default:
		return fmt.Errorf("has chunk index type %d; 1 to 5 are supported", l.index.kind)
	}
	l.addr = c.u64()
	return c.err
}

// chunks lists the stored chunks in the order of the index.
func (a *Array) chunks() ([]chunk, error) {
	if a.layout.addr == undefined {
		return nil, nil
	}
	switch a.layout.index.kind {
	case singleChunk:
		return a.single(), nil
	case implicitIndex:
		return a.implicit()
	case fixedArray:
		return a.fixedArray()
	case extensibleArray:
		return a.extensibleArray()
	case btree2:
		return a.btree2()
	}
	var all []chunk
	keySize := 8 + 8*(len(a.Shape)+1)
	err := a.file.walk(a.layout.addr, 1, keySize, func(key []byte, child uint64) error {
		c := cursor{b: key}
		ch := chunk{addr: child, size: uint64(c.u32()), mask: c.u32()}
		for axis, n := range a.Shape {
			off := c.u64()
			if off >= uint64(n) || off%uint64(a.layout.chunk[axis]) != 0 {
				return fmt.Errorf("has a chunk outside its shape %v", a.Shape)
			}
			ch.offset = append(ch.offset, int(off))
		}
		all = append(all, ch)
		return nil
	})
	return all, err
}

// single is the only chunk, which covers the array.
func (a *Array) single() []chunk {
	ch := chunk{addr: a.layout.addr, size: a.layout.index.size, mask: a.layout.index.mask,
		offset: make([]int, len(a.Shape))}
	if ch.size == 0 {
		ch.size = a.chunkSize()
	}
	return []chunk{ch}
}

// implicit lists chunks that lie behind each other in the file, without filters.
func (a *Array) implicit() ([]chunk, error) {
	g, err := a.newGrid(-1)
	if err != nil {
		return nil, err
	}
	if size := a.chunkSize(); g.total > a.file.size/size {
		return nil, fmt.Errorf("shape %v needs %d chunks of %d bytes, more than the file has", a.Shape, g.total, size)
	}
	var all []chunk
	for i := range g.total {
		if offset, ok := g.offset(i); ok {
			size := a.chunkSize()
			all = append(all, chunk{addr: a.layout.addr + i*size, size: size, offset: offset})
		}
	}
	return all, nil
}

// grid numbers the chunks of an array in row-major order, over all that it may grow to.
type grid struct {
	shape, chunk []int
	first        int      // the axis that may grow without bound and is numbered as if it came first; -1 if none
	counts       []uint64 // chunks of each axis; of axis first, those that there are
	total        uint64
}

// newGrid returns the numbering, with the axis that has no bound, which must be the only one, or -1.
func (a *Array) newGrid(unbounded int) (*grid, error) {
	g := &grid{shape: a.Shape, chunk: a.layout.chunk, first: unbounded, total: 1}
	for axis, most := range a.most {
		switch {
		case axis == unbounded:
			most = uint64(a.Shape[axis])
		case most > maxElements:
			return nil, fmt.Errorf("axis %d has no bound, which its chunk index does not allow", axis)
		case most < uint64(a.Shape[axis]):
			return nil, fmt.Errorf("has %d on axis %d, which may have at most %d", a.Shape[axis], axis, most)
		}
		n := (most + uint64(g.chunk[axis]) - 1) / uint64(g.chunk[axis])
		if n > 0 && g.total > maxElements/n {
			return nil, errors.New("has more than 2^40 chunks")
		}
		g.counts = append(g.counts, n)
		g.total *= n
	}
	return g, nil
}

// offset returns the first element of the chunk with a number, and whether it has elements: an array may be smaller
// than it may grow to.
func (g *grid) offset(i uint64) (offset []int, ok bool) {
	offset, ok = make([]int, len(g.counts)), true
	set := func(axis int) {
		if axis == g.first { // numbered first, so that it takes the rest
			offset[axis] = int(i) * g.chunk[axis]
		} else {
			offset[axis] = int(i%g.counts[axis]) * g.chunk[axis]
			i /= g.counts[axis]
		}
		ok = ok && offset[axis] < g.shape[axis]
	}
	for axis := len(g.counts) - 1; axis >= 0; axis-- {
		if axis != g.first {
			set(axis)
		}
	}
	if g.first >= 0 {
		set(g.first)
	}
	return offset, ok
}

// entries reads the entries of an array of chunks, which a client of kind 1 stores with size and filters.
type entries struct {
	a        *Array
	grid     *grid
	filtered bool
	size     int    // bytes of an entry
	taken    uint64 // bytes of the entries read
	found    []chunk
}

func (a *Array) newEntries(g *grid, client, size uint8) (*entries, error) {
	e := &entries{a: a, grid: g, filtered: client == 1, size: int(size)}
	if client > 1 || !e.filtered && size != 8 || e.filtered && (size < 8+1+4 || size > 8+8+4) {
		return nil, fmt.Errorf("has a chunk index of kind %d with entries of %d bytes", client, size)
	}
	return e, nil
}

// read adds the chunks of entries with the numbers from first on. Entries of chunks that were not stored, or that lie
// outside of the shape, are left out.
func (e *entries) read(b []byte, first uint64) error {
	if e.taken += uint64(len(b)); e.taken > e.a.file.size {
		return errors.New("has a chunk index that is larger than the file")
	}
	for c := (cursor{b: b}); len(c.b) > 0; first++ {
		ch := chunk{addr: c.u64(), size: 0}
		if e.filtered {
			ch.size, ch.mask = c.uint(e.size-8-4), c.u32()
		} else {
			ch.size = e.a.chunkSize()
		}
		if c.err != nil {
			return c.err
		}
		if ch.addr == undefined || first >= e.grid.total {
			continue
		}
		var ok bool
		if ch.offset, ok = e.grid.offset(first); ok {
			e.found = append(e.found, ch)
		}
	}
	return nil
}

// signed returns n bytes at addr behind a signature, which must be there, and behind the version and the kind of the
// index, which it returns.
func (f *File) signed(addr uint64, signature string, n uint64) (body []byte, kind uint8, err error) {
	b, err := f.bytes(addr, 6+n)
	if err != nil {
		return nil, 0, err
	}
	if string(b[:4]) != signature || b[4] != 0 {
		return nil, 0, fmt.Errorf("has no %s at offset %d", signature, addr)
	}
	return b[6:], b[5], nil
}

// logSize returns how many bytes HDF5 takes for numbers up to n.
func logSize(n uint64) int { return (bits.Len64(max(n, 1))-1)/8 + 1 }
