package h5

import (
	"errors"
	"fmt"
	"math/bits"
)

// heap is a fractal heap: objects of any length in blocks whose sizes double from row to row of a table (FRHP, FHIB,
// FHDB). Blocks that are filtered and objects with blocks of their own are not read.
type heap struct {
	file       *File
	flags      uint8
	mostObject uint64 // bytes of an object in a block
	width      uint64 // blocks of a row
	start      uint64 // size of the blocks of the first two rows
	mostDirect uint64 // size of the largest block that has objects; larger ones have blocks
	bits       uint64 // of an offset in the heap
	root       uint64
	rows       uint64 // of the root; 0 if the root is the only block
}

// heap reads the header of a fractal heap.
func (f *File) heap(addr uint64) (*heap, error) {
	b, err := f.bytes(addr, 4+1+2+2+1+4+12*8+2+8+8+2+2+8+2)
	if err != nil {
		return nil, err
	}
	c := cursor{b: b}
	if string(c.take(4)) != "FRHP" || c.u8() != 0 {
		return nil, fmt.Errorf("has no fractal heap at offset %d", addr)
	}
	c.take(2) // length of an identifier
	if filters := c.u16(); filters != 0 {
		return nil, errors.New("has a fractal heap with filters, which is not supported")
	}
	h := &heap{file: f, flags: c.u8(), mostObject: uint64(c.u32())}
	c.take(12 * 8) // objects with blocks of their own, free space, sums
	h.width, h.start, h.mostDirect, h.bits = uint64(c.u16()), c.u64(), c.u64(), uint64(c.u16())
	c.take(2) // first rows of the root
	h.root, h.rows = c.u64(), uint64(c.u16())
	if !isPowerOf2(h.width) || !isPowerOf2(h.start) || !isPowerOf2(h.mostDirect) || h.start > h.mostDirect ||
		h.mostDirect > 1<<32 || h.mostObject > h.mostDirect || h.bits == 0 || h.bits > 64 || h.rows > 64 {
		return nil, fmt.Errorf("has a damaged fractal heap at offset %d", addr)
	}
	return h, nil
}

func isPowerOf2(n uint64) bool { return bits.OnesCount64(n) == 1 }

// offsetBytes returns the length of an offset in the heap.
func (h *heap) offsetBytes() int { return int(h.bits+7) / 8 }

// object returns the object of an identifier.
func (h *heap) object(id []byte) ([]byte, error) {
	c := cursor{b: id}
	if kind := c.u8(); kind != 0 {
		return nil, fmt.Errorf("has an object of type %#x in a fractal heap; only those in blocks are supported", kind)
	}
	lengthBytes := min((bits.Len64(h.mostDirect)-1+7)/8, logSize(h.mostObject))
	offset, size := c.uint(h.offsetBytes()), c.uint(lengthBytes)
	switch {
	case c.err != nil:
		return nil, c.err
	case size > h.mostObject:
		return nil, fmt.Errorf("has an object of %d bytes in a fractal heap for at most %d", size, h.mostObject)
	}
	block, length, within, err := h.block(offset)
	if err != nil {
		return nil, err
	}
	head := uint64(4 + 1 + 8 + h.offsetBytes())
	if h.flags&2 != 0 {
		head += checksumBytes
	}
	if within < head || size > length-within {
		return nil, errors.New("has an object outside its block of a fractal heap")
	}
	if err := h.check(block, "FHDB"); err != nil {
		return nil, err
	}
	return h.file.bytes(block+within, size)
}

// block returns the address and the length of the block that has an offset, and the offset in it.
func (h *heap) block(offset uint64) (addr, length, within uint64, err error) {
	addr, length = h.root, h.start
	for rows := h.rows; rows > 0; {
		if err := h.check(addr, "FHIB"); err != nil {
			return 0, 0, 0, err
		}
		row, first := 0, uint64(0)
		length = h.start
		if q := offset / h.start / h.width; q > 0 {
			row = bits.Len64(q)
			length <<= row - 1
			first = length * h.width
		}
		if uint64(row) >= rows || length == 0 {
			break
		}
		column := (offset - first) / length
		b, err := h.file.bytes(addr+uint64(4+1+8+h.offsetBytes())+8*(uint64(row)*h.width+column), 8)
		if err != nil {
			return 0, 0, 0, err
		}
		c := cursor{b: b}
		addr, offset, rows = c.u64(), offset-first-column*length, 0
		if length > h.mostDirect { // of a block of blocks
			rows = uint64(bits.Len64(length / h.start / h.width))
			if rows == 0 {
				break
			}
		}
	}
	if addr == undefined || offset >= length {
		return 0, 0, 0, errors.New("has an object outside of the fractal heap")
	}
	return addr, length, offset, nil
}

// check reports an error if a block does not begin with a signature and version 0.
func (h *heap) check(addr uint64, signature string) error {
	b, err := h.file.bytes(addr, 5)
	if err == nil && (string(b[:4]) != signature || b[4] != 0) {
		err = fmt.Errorf("has no %s at offset %d", signature, addr)
	}
	return err
}
