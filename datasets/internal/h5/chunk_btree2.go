package h5

import (
	"errors"
	"fmt"
)

// Types of records of a version 2 B-tree.
const (
	plainChunks    = 10
	filteredChunks = 11
)

// tree2 is a version 2 B-tree of chunks.
type tree2 struct {
	a          *Array
	kind       uint8
	nodeSize   uint64
	recordSize uint64
	countBytes int      // of the number of records of a node
	totalBytes []int    // by level: of the number of records below a node of it
	most       []uint64 // by level: records of a node
	visited    uint64   // bytes of the nodes read
	found      []chunk
}

// btree2 lists the chunks of an array of which several axes have no bound (BTHD, BTIN, BTLF).
func (a *Array) btree2() ([]chunk, error) {
	b, kind, err := a.file.signed(a.layout.addr, "BTHD", 4+2+2+1+1+8+2+8)
	if err != nil {
		return nil, err
	}
	c := cursor{b: b}
	t := &tree2{a: a, kind: kind, nodeSize: uint64(c.u32()), recordSize: uint64(c.u16())}
	depth := int(c.u16())
	c.take(1 + 1) // when nodes are split and merged
	root, count := c.u64(), uint64(c.u16())
	if root == undefined {
		return nil, nil
	}
	if err := t.sizes(depth); err != nil {
		return nil, err
	}
	err = t.node(root, depth, count)
	return t.found, err
}

// nodeOverhead is the size of signature, version, type and checksum of a node.
const nodeOverhead = 4 + 1 + 1 + checksumBytes

// sizes computes the sizes of a node's fields, which depend on how much the levels below may hold.
func (t *tree2) sizes(depth int) error {
	axes := uint64(len(t.a.Shape))
	width := t.recordSize - 8 - 8*axes // of size and filters
	if t.kind != plainChunks && t.kind != filteredChunks || t.kind == plainChunks && width != 0 ||
		t.kind == filteredChunks && (width < 1+4 || width > 8+4) || t.recordSize < 8+8*axes {
		return fmt.Errorf("has a B-tree of type %d with records of %d bytes", t.kind, t.recordSize)
	}
	if depth > maxLevel || t.nodeSize < nodeOverhead+t.recordSize || t.nodeSize > t.a.file.size {
		return fmt.Errorf("has a B-tree of depth %d with nodes of %d bytes", depth, t.nodeSize)
	}
	t.most = []uint64{(t.nodeSize - nodeOverhead) / t.recordSize}
	t.countBytes = logSize(t.most[0])
	t.totalBytes = []int{0}
	total := t.most[0]
	for level := 1; level <= depth; level++ {
		pointer := t.pointerSize(level)
		if t.nodeSize < nodeOverhead+pointer {
			return errors.New("has a B-tree with nodes that hold nothing")
		}
		most := (t.nodeSize - nodeOverhead - pointer) / (t.recordSize + pointer)
		if total > maxElements {
			return errors.New("has a B-tree of more than 2^40 records")
		}
		total = (most+1)*total + most
		t.most = append(t.most, most)
		t.totalBytes = append(t.totalBytes, logSize(total))
	}
	return nil
}

// pointerSize returns the size of a pointer from a node of a level to one below it.
func (t *tree2) pointerSize(level int) uint64 {
	return uint64(8 + t.countBytes + t.totalBytes[level-1])
}

// node reads a node of a level, 0 for leaves, with so many records, and those below it.
func (t *tree2) node(at uint64, level int, count uint64) error {
	if count > t.most[level] {
		return fmt.Errorf("has a B-tree node of %d records at offset %d, at most %d fit", count, at, t.most[level])
	}
	signature, size := "BTLF", count*t.recordSize
	if level > 0 {
		signature = "BTIN"
		size += (count + 1) * t.pointerSize(level)
	}
	if t.visited += size + nodeOverhead; t.visited > t.a.file.size {
		return errors.New("has a B-tree that is larger than the file")
	}
	b, kind, err := t.a.file.signed(at, signature, size)
	if err != nil {
		return err
	}
	if kind != t.kind {
		return fmt.Errorf("has a B-tree node of type %d at offset %d, want %d", kind, at, t.kind)
	}
	c := cursor{b: b}
	for range count {
		if err := t.record(c.take(int(t.recordSize))); err != nil {
			return err
		}
	}
	for level > 0 && len(c.b) > 0 {
		child, below := c.u64(), c.uint(t.countBytes)
		c.take(t.totalBytes[level-1])
		if c.err != nil {
			return c.err
		}
		if err := t.node(child, level-1, below); err != nil {
			return err
		}
	}
	return nil
}

// record adds the chunk of a record, unless it lies outside of the shape.
func (t *tree2) record(b []byte) error {
	c := cursor{b: b}
	ch := chunk{addr: c.u64(), size: 0}
	if t.kind == filteredChunks {
		ch.size, ch.mask = c.uint(int(t.recordSize)-8-4-8*len(t.a.Shape)), c.u32()
	} else {
		ch.size = t.a.chunkSize()
	}
	for axis, n := range t.a.Shape {
		scaled, extent := c.u64(), uint64(t.a.layout.chunk[axis])
		if scaled > maxElements/extent || scaled*extent >= uint64(n) {
			return fmt.Errorf("has a chunk outside its shape %v", t.a.Shape)
		}
		ch.offset = append(ch.offset, int(scaled*extent))
	}
	t.found = append(t.found, ch)
	return c.err
}
