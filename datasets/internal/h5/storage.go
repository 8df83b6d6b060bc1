package h5

import (
	"errors"
	"fmt"
	"slices"
)

// layout describes where the bytes of an array are.
type layout struct {
	class   layoutClass
	compact []byte
	addr    uint64 // of the values, or of the chunk index
	size    uint64 // contiguous: bytes
	chunk   []int  // extent of a chunk in elements
	index   chunkIndex
}

type layoutClass uint8

const (
	compact    layoutClass = 0
	contiguous layoutClass = 1
	chunked    layoutClass = 2
)

func (a *Array) readLayout(c *cursor) error {
	version := c.u8()
	l := &a.layout
	l.class = layoutClass(c.u8())
	if version < 3 || version > 5 {
		return fmt.Errorf(`has layout version %d; 3 to 5 are supported: save it with h5py's default libver`, version)
	}
	switch l.class {
	case compact:
		l.compact = c.take(int(c.u16()))
	case contiguous:
		l.addr, l.size = c.u64(), c.u64()
	case chunked:
		if version >= 4 { // 5 differs in the width of the sizes of filtered chunks, which follows from that of their entries
			return l.readChunked(c)
		}
		rank := int(c.u8()) - 1 // the element size counts as an axis
		l.addr = c.u64()
		for range rank {
			n := c.u32()
			if n == 0 {
				return errors.New("has a chunk extent of 0")
			}
			l.chunk = append(l.chunk, int(n))
		}
		c.take(4) // element size
	default:
		return fmt.Errorf("has layout class %d, which is not supported", l.class)
	}
	return nil
}

// rowSize returns the bytes of one row along the first axis; a scalar is one row.
func (a *Array) rowSize() uint64 {
	if n := a.rowCount(); n > 0 {
		return a.elements / uint64(n) * a.itemSize
	}
	return 0
}

func (a *Array) rowCount() int {
	if len(a.Shape) == 0 {
		return 1
	}
	return a.Shape[0]
}

// read returns the bytes of n rows from row from on, in row-major order.
func (a *Array) read(from, n int) ([]byte, error) {
	if from < 0 || n < 0 || n > a.rowCount()-from {
		return nil, fmt.Errorf("has %d rows; rows %d to %d were requested", a.rowCount(), from, from+n-1)
	}
	total := a.elements * a.itemSize
	start, need := uint64(from)*a.rowSize(), uint64(n)*a.rowSize()
	l := &a.layout
	switch l.class {
	case compact:
		if uint64(len(l.compact)) < total {
			return nil, fmt.Errorf("shape %v needs %d bytes, has %d", a.Shape, total, len(l.compact))
		}
		return l.compact[start:][:need], nil
	case contiguous:
		if err := a.checkContiguous(); err != nil {
			return nil, err
		}
		return a.file.bytes(l.addr+start, need)
	}
	return a.readChunks(from, n)
}

// errUnwritten is the error of a data set that was created and not filled: h5py reads zeros there.
var errUnwritten = errors.New("has a shape, and no values were written to it")

// checkContiguous refuses an array whose layout does not hold all its bytes.
func (a *Array) checkContiguous() error {
	if len(a.filters) > 0 {
		return errors.New("has filters but no chunks")
	}
	l, total := &a.layout, a.elements*a.itemSize
	if total > 0 && l.addr == undefined {
		return errUnwritten
	}
	if total > 0 && (l.size < total || l.addr > a.file.size) {
		return fmt.Errorf("shape %v needs %d bytes, has %d", a.Shape, total, l.size)
	}
	if total > a.file.size-min(l.addr, a.file.size) {
		return fmt.Errorf("%d bytes at offset %d lie beyond the end of the file (%d bytes)", total, l.addr, a.file.size)
	}
	return nil
}

// Check refuses an array whose stored bytes cannot hold its shape, without reading values. Call it before memory is
// allocated for the shape.
func (a *Array) Check() error {
	var err error
	switch total := a.elements * a.itemSize; a.layout.class {
	case compact:
		if uint64(len(a.layout.compact)) < total {
			err = fmt.Errorf("shape %v needs %d bytes, has %d", a.Shape, total, len(a.layout.compact))
		}
	case contiguous:
		err = a.checkContiguous()
	default:
		if a.elements > 0 {
			_, err = a.index()
		}
	}
	if err != nil {
		return a.errorf("%w", err)
	}
	return nil
}

// RowsTogether returns how many rows to read in one call: those of a chunk, or as many as make about 1 MiB.
func (a *Array) RowsTogether() int {
	if a.layout.class == chunked && len(a.layout.chunk) > 0 {
		return a.layout.chunk[0]
	}
	return int(max(1, (1<<20)/max(1, a.rowSize())))
}

// maxChunk bounds a chunk in bytes: it is decoded as a whole, and a file of 1/1032 of its size can hold it.
const maxChunk = 256 << 20

// chunk is one stored block of a chunked array.
type chunk struct {
	addr   uint64
	size   uint64 // stored bytes
	mask   uint32 // filters that were skipped
	offset []int  // of the first element, one per axis
}

// readChunks reads the chunks that hold one of the rows.
func (a *Array) readChunks(from, n int) ([]byte, error) {
	if a.elements == 0 || n == 0 {
		return nil, nil
	}
	index, err := a.index()
	if err != nil {
		return nil, err
	}
	if len(a.Shape) == 0 {
		return a.readChunk(index[0])
	}
	out := make([]byte, uint64(n)*a.rowSize())
	for _, ch := range index {
		if ch.offset[0]+a.layout.chunk[0] <= from || ch.offset[0] >= from+n {
			continue
		}
		values, err := a.readChunk(ch)
		if err != nil {
			return nil, err
		}
		a.place(out, values, ch.offset, from, n)
	}
	return out, nil
}

func (a *Array) readChunk(ch chunk) ([]byte, error) {
	stored, err := a.file.bytes(ch.addr, ch.size)
	if err != nil {
		return nil, err
	}
	values, err := a.unfilter(stored, ch.mask, int(a.chunkSize()))
	if err != nil {
		return nil, fmt.Errorf("chunk at %v: %w", ch.offset, err)
	}
	return values, nil
}

// chunkSize returns the bytes of a chunk, which index has checked.
func (a *Array) chunkSize() uint64 {
	size := a.itemSize
	for _, n := range a.layout.chunk {
		size *= uint64(n)
	}
	return size
}

// index returns the checked chunks in row-major order; they are listed once.
func (a *Array) index() ([]chunk, error) {
	a.once.Do(func() { a.listed, a.listErr = a.list() })
	return a.listed, a.listErr
}

func (a *Array) list() ([]chunk, error) {
	if len(a.layout.chunk) != len(a.Shape) {
		return nil, fmt.Errorf("has %d axes but chunks of %d", len(a.Shape), len(a.layout.chunk))
	}
	size := a.itemSize
	for _, n := range a.layout.chunk {
		if uint64(n) > maxChunk || size*uint64(n) > maxChunk {
			return nil, fmt.Errorf("has chunks of more than %d MiB; save it with smaller ones", maxChunk>>20)
		}
		size *= uint64(n)
	}
	chunks, err := a.chunks()
	if err != nil {
		return nil, err
	}
	return chunks, a.checkChunks(chunks, size)
}

// checkChunks checks, before memory is allocated, that every chunk occurs once, that its stored bytes can expand to
// its size, and that chunks do not overlap in the file. An array therefore needs no more memory than the file can
// expand to.
func (a *Array) checkChunks(chunks []chunk, chunkBytes uint64) error {
	want := uint64(1)
	for axis, n := range a.Shape {
		want *= (uint64(n) + uint64(a.layout.chunk[axis]) - 1) / uint64(a.layout.chunk[axis])
	}
	if len(chunks) == 0 && want > 0 {
		return errUnwritten
	}
	if uint64(len(chunks)) != want {
		return fmt.Errorf("shape %v needs %d chunks, has %d: a part of it was not written", a.Shape, want, len(chunks))
	}
	slices.SortFunc(chunks, func(p, q chunk) int { return slices.Compare(p.offset, q.offset) })
	var stored uint64
	ratio := a.maxRatio()
	for i, ch := range chunks {
		if i > 0 && slices.Equal(ch.offset, chunks[i-1].offset) {
			return fmt.Errorf("has two chunks at %v", ch.offset)
		}
		if ch.size*ratio < chunkBytes {
			return fmt.Errorf("chunk at %v needs %d bytes, has %d", ch.offset, chunkBytes, ch.size)
		}
		stored += ch.size
	}
	if stored > a.file.size {
		return fmt.Errorf("its chunks have %d stored bytes, more than the file (%d bytes)", stored, a.file.size)
	}
	return nil
}

// place copies a chunk's elements to their positions in out, which holds n rows starting at row from, without those
// beyond the array's edge.
func (a *Array) place(out, values []byte, offset []int, from, n int) {
	extent := a.layout.chunk
	last := len(extent) - 1
	item := int(a.itemSize)
	var fill func(axis, src, dst int)
	fill = func(axis, src, dst int) {
		low, high := 0, min(extent[axis], a.Shape[axis]-offset[axis])
		start := offset[axis]
		if axis == 0 {
			low, high = max(low, from-start), min(high, from+n-start)
			start -= from
		}
		if axis == last {
			copy(out[(dst+start+low)*item:], values[(src+low)*item:(src+high)*item])
			return
		}
		for i := low; i < high; i++ {
			fill(axis+1, (src+i)*extent[axis+1], (dst+start+i)*a.Shape[axis+1])
		}
	}
	fill(0, 0, 0)
}
