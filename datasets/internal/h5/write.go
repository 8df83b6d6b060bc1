package h5

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Type is an element type that can be written, little-endian.
type Type uint8

// The types.
const (
	Uint8 Type = iota + 1
	Int64
	Float32
	Float64
)

// size returns the bytes of an element.
func (t Type) size() int {
	return map[Type]int{Uint8: 1, Int64: 8, Float32: 4, Float64: 8}[t]
}

// Column is one array of a file that is written.
type Column struct {
	Name  string
	Type  Type
	Shape []int
	// Write writes all values to w, in row-major order.
	Write func(w io.Writer) error
}

// Attribute is a text at the root group.
type Attribute struct{ Name, Value string }

// Sizes of a version 1 B-tree node and a symbol table node with the default number of
// entries: 16 children either way, and 4 symbols either way.
const (
	treeSize   = 24 + 32*8 + 33*8
	symbolSize = 8 + 8*40
	maxColumns = 8
)

// Write writes an HDF5 file with these arrays in its root group, stored contiguously one after the other, in the
// oldest format, which every reader supports. Equal contents give equal bytes. The caller closes w.
func Write(w io.Writer, attributes []Attribute, columns []Column) error {
	if len(columns) == 0 || len(columns) > maxColumns {
		return fmt.Errorf("h5: %d arrays, want 1 to %d", len(columns), maxColumns)
	}
	columns = slices.Clone(columns)
	slices.SortFunc(columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	out := bufio.NewWriterSize(w, 1<<20)
	head, sizes, err := fileHead(attributes, columns)
	if err != nil {
		return err
	}
	if _, err := out.Write(head); err != nil {
		return err
	}
	for i, c := range columns {
		counted := &countingWriter{w: out}
		if err := c.Write(counted); err != nil {
			return err
		}
		if counted.n != sizes[i] {
			return fmt.Errorf("h5: array %q has %d bytes, want %d", c.Name, counted.n, sizes[i])
		}
		if _, err := out.Write(make([]byte, -counted.n&7)); err != nil {
			return err
		}
	}
	return out.Flush()
}

type countingWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// fileHead returns everything before the values, and the arrays' bytes.
func fileHead(attributes []Attribute, columns []Column) (head []byte, sizes []int64, err error) {
	var root [][]byte
	for _, a := range attributes {
		if len(a.Name)+len(a.Value) > 1<<15 {
			return nil, nil, errors.New("h5: an attribute is longer than 32 KiB")
		}
		root = append(root, encodeMessage(msgAttribute, attribute(a)))
	}
	heap, names := nameHeap(columns)
	// The length of the headers does not depend on the addresses in them.
	const superblockSize = 96
	rootSize := len(encodeHeader(append(root, encodeMessage(msgSymbolTable, make([]byte, 16)))))
	tree := uint64(superblockSize + rootSize)
	heapAt := tree + treeSize
	symbols := heapAt + 32 + uint64(len(heap))
	at := symbols + symbolSize
	objects := make([]uint64, len(columns))
	for i, c := range columns {
		objects[i] = at
		at += uint64(len(objectOf(c, 0, 0)))
	}
	le := binary.LittleEndian
	table := le.AppendUint64(le.AppendUint64(nil, tree), heapAt)
	root = append(root, encodeMessage(msgSymbolTable, table))

	end := at
	var bodies []byte
	for _, c := range columns {
		size := int64(c.Type.size())
		for _, n := range c.Shape {
			size *= int64(n)
		}
		bodies = append(bodies, objectOf(c, end, size)...)
		sizes = append(sizes, size)
		end += uint64(size+7) &^ 7
	}
	head = superblock(end, superblockSize, tree, heapAt)
	head = append(head, encodeHeader(root)...)
	head = append(head, treeNode(symbols, names[len(names)-1])...)
	head = append(head, "HEAP\x00\x00\x00\x00"...)
	head = le.AppendUint64(head, uint64(len(heap)))
	head = le.AppendUint64(head, 1) // no free list
	head = le.AppendUint64(head, heapAt+32)
	head = append(head, heap...)
	head = append(head, symbolNode(names, objects)...)
	return append(head, bodies...), sizes, nil
}

// superblock is version 0, with the root group's symbol table entry at its end.
func superblock(end, root, tree, heap uint64) []byte {
	le := binary.LittleEndian
	b := append([]byte(Signature), 0, 0, 0, 0, 0, 8, 8, 0)
	b = le.AppendUint16(b, 4)  // half the symbols of a node
	b = le.AppendUint16(b, 16) // half the children of a tree node
	b = le.AppendUint32(b, 0)
	for _, v := range []uint64{0, undefined, end, undefined, 0, root} {
		b = le.AppendUint64(b, v)
	}
	b = le.AppendUint32(b, 1) // the entry caches its tree and heap
	b = le.AppendUint32(b, 0)
	return le.AppendUint64(le.AppendUint64(b, tree), heap)
}

// nameHeap returns the names, each ended by a zero and filled to 8 bytes, and where each
// begins. The first 8 bytes are the empty name.
func nameHeap(columns []Column) (heap []byte, offsets []uint64) {
	heap = make([]byte, 8)
	for _, c := range columns {
		offsets = append(offsets, uint64(len(heap)))
		heap = padded(append(append(heap, c.Name...), 0))
	}
	return heap, offsets
}

// treeNode is the only leaf: one child, between the empty name and the last.
func treeNode(child, last uint64) []byte {
	le := binary.LittleEndian
	b := append([]byte("TREE"), 0, 0, 1, 0)
	for _, v := range []uint64{undefined, undefined, 0, child, last} {
		b = le.AppendUint64(b, v)
	}
	return append(b, make([]byte, treeSize-len(b))...)
}

func symbolNode(names, objects []uint64) []byte {
	le := binary.LittleEndian
	b := append([]byte("SNOD"), 1, 0)
	b = le.AppendUint16(b, uint16(len(names)))
	for i := range names {
		b = le.AppendUint64(le.AppendUint64(b, names[i]), objects[i])
		b = append(b, make([]byte, 24)...)
	}
	return append(b, make([]byte, symbolSize-len(b))...)
}

func padded(b []byte) []byte { return append(b, make([]byte, -len(b)&7)...) }

func encodeMessage(kind uint16, data []byte) []byte {
	data = padded(data)
	b := binary.LittleEndian.AppendUint16(nil, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	return append(append(b, 0, 0, 0, 0), data...)
}

// encodeHeader is a version 1 object header.
func encodeHeader(messages [][]byte) []byte {
	body := slices.Concat(messages...)
	le := binary.LittleEndian
	b := le.AppendUint16([]byte{1, 0}, uint16(len(messages)))
	b = le.AppendUint32(b, 1) // references
	b = le.AppendUint32(b, uint32(len(body)))
	return append(padded(b), body...)
}

// objectOf is the header of an array whose values lie at addr.
func objectOf(c Column, addr uint64, size int64) []byte {
	le := binary.LittleEndian
	layout := le.AppendUint64(le.AppendUint64([]byte{3, byte(contiguous)}, addr), uint64(size))
	return encodeHeader([][]byte{
		encodeMessage(msgDataspace, dataspace(c.Shape)),
		encodeMessage(msgDatatype, datatype(c.Type)),
		encodeMessage(msgFillValue, []byte{2, 2, 2, 0}), // late, if set, none
		encodeMessage(msgLayout, layout),
	})
}

func dataspace(shape []int) []byte {
	b := []byte{1, byte(len(shape)), 0, 0, 0, 0, 0, 0}
	for _, n := range shape {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func datatype(t Type) []byte {
	le := binary.LittleEndian
	header := func(class byte, bits [3]byte) []byte {
		return le.AppendUint32(append([]byte{1<<4 | class}, bits[:]...), uint32(t.size()))
	}
	// Floats: bit offset, precision, where exponent and mantissa begin and how long they
	// are, and the exponent's bias. Their mantissa begins with an implied 1 (0x20).
	switch t {
	case Float32:
		return append(header(1, [3]byte{0x20, 31, 0}), 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0)
	case Float64:
		return append(header(1, [3]byte{0x20, 63, 0}), 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0)
	case Int64:
		return append(header(0, [3]byte{0x08, 0, 0}), 0, 0, 64, 0)
	case Uint8:
		return append(header(0, [3]byte{}), 0, 0, 8, 0)
	}
	panic("h5: unknown type")
}

// attribute is a scalar of UTF-8 text that ends with a zero.
func attribute(a Attribute) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16([]byte{1, 0}, uint16(len(a.Name)+1))
	b = le.AppendUint16(b, 8) // datatype
	b = le.AppendUint16(b, 8) // dataspace
	b = append(b, padded(append([]byte(a.Name), 0))...)
	b = le.AppendUint32(append(b, 1<<4|3, 0x10, 0, 0), uint32(len(a.Value)+1))
	b = append(b, dataspace(nil)...)
	return append(append(b, a.Value...), 0)
}
