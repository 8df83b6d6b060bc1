package h5

import (
	"errors"
	"fmt"
)

// tree2 is a version 2 B-tree (BTHD, BTIN, BTLF).
type tree2 struct {
	file       *File
	kind       uint8 // of its records
	depth      int
	root       uint64
	count      uint64 // records of the root
	nodeSize   uint64
	recordSize uint64
	countBytes int      // of the number of records of a node
	totalBytes []int    // by level: of the number of records below a node of it
	most       []uint64 // by level: records of a node
	visited    uint64   // bytes of the nodes read
}

// tree2 reads the header of a version 2 B-tree.
func (f *File) tree2(addr uint64) (*tree2, error) {
	b, kind, err := f.signed(addr, "BTHD", 4+2+2+1+1+8+2+8)
	if err != nil {
		return nil, err
	}
	c := cursor{b: b}
	t := &tree2{file: f, kind: kind, nodeSize: uint64(c.u32()), recordSize: uint64(c.u16())}
	t.depth = int(c.u16())
	c.take(1 + 1) // when nodes are split and merged
	t.root, t.count = c.u64(), uint64(c.u16())
	return t, t.sizes()
}

// nodeOverhead is the size of signature, version, type and checksum of a node.
const nodeOverhead = 4 + 1 + 1 + checksumBytes

// sizes computes the sizes of a node's fields, which depend on how much the levels below may hold.
func (t *tree2) sizes() error {
	if t.depth > maxLevel || t.recordSize == 0 || t.nodeSize < nodeOverhead+t.recordSize || t.nodeSize > t.file.size {
		return fmt.Errorf("has a B-tree of depth %d with nodes of %d bytes", t.depth, t.nodeSize)
	}
	t.most = []uint64{(t.nodeSize - nodeOverhead) / t.recordSize}
	t.countBytes = logSize(t.most[0])
	t.totalBytes = []int{0}
	total := t.most[0]
	for level := 1; level <= t.depth; level++ {
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

// walk calls visit for every record: those of a node before those below it.
func (t *tree2) walk(visit func(record []byte) error) error {
	if t.root == undefined {
		return nil
	}
	return t.node(t.root, t.depth, t.count, visit)
}

// node visits the records of a node of a level, 0 for leaves, with so many records, and those below it.
func (t *tree2) node(at uint64, level int, count uint64, visit func(record []byte) error) error {
	if count > t.most[level] {
		return fmt.Errorf("has a B-tree node of %d records at offset %d, at most %d fit", count, at, t.most[level])
	}
	signature, size := "BTLF", count*t.recordSize
	if level > 0 {
		signature = "BTIN"
		size += (count + 1) * t.pointerSize(level)
	}
	if t.visited += size + nodeOverhead; t.visited > t.file.size {
		return errors.New("has a B-tree that is larger than the file")
	}
	b, kind, err := t.file.signed(at, signature, size)
	if err != nil {
		return err
	}
	if kind != t.kind {
		return fmt.Errorf("has a B-tree node of type %d at offset %d, want %d", kind, at, t.kind)
	}
	c := cursor{b: b}
	for range count {
		if err := visit(c.take(int(t.recordSize))); err != nil {
			return err
		}
	}
	for level > 0 && len(c.b) > 0 {
		child, below := c.u64(), c.uint(t.countBytes)
		c.take(t.totalBytes[level-1])
		if c.err != nil {
			return c.err
		}
		if err := t.node(child, level-1, below, visit); err != nil {
			return err
		}
	}
	return nil
}
