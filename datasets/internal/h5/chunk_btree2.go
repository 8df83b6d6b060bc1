package h5

import "fmt"

// Types of records of a version 2 B-tree of chunks.
const (
	plainChunks    = 10
	filteredChunks = 11
)

// btree2 lists the chunks of an array of which several axes have no bound.
func (a *Array) btree2() (found []chunk, err error) {
	t, err := a.file.tree2(a.layout.addr)
	if err != nil {
		return nil, err
	}
	fixed := 8 + 8*uint64(len(a.Shape)) // address and offset
	width := t.recordSize - fixed       // of size and filters
	if t.kind != plainChunks && t.kind != filteredChunks || t.kind == plainChunks && width != 0 ||
		t.kind == filteredChunks && (width < 1+4 || width > 8+4) || t.recordSize < fixed {
		return nil, fmt.Errorf("has a B-tree of type %d with records of %d bytes", t.kind, t.recordSize)
	}
	err = t.walk(func(record []byte) error {
		c := cursor{b: record}
		ch := chunk{addr: c.u64()}
		if t.kind == filteredChunks {
			ch.size, ch.mask = c.uint(int(width)-4), c.u32()
		} else {
			ch.size = a.chunkSize()
		}
		for axis, n := range a.Shape {
			scaled, extent := c.u64(), uint64(a.layout.chunk[axis])
			if scaled > maxElements/extent || scaled*extent >= uint64(n) {
				return fmt.Errorf("has a chunk outside its shape %v", a.Shape)
			}
			ch.offset = append(ch.offset, int(scaled*extent))
		}
		found = append(found, ch)
		return c.err
	})
	return found, err
}
