// Package pickle reads the numbers in a Python pickle without running it: dictionaries, lists, tuples, text,
// integers and numpy arrays, which is what data sets are cached with.
//
// A pickle is a program that may call any Python function. This reader interprets the opcodes of protocols 2
// to 5 (Lib/pickletools.py) that build data. The only functions that it supports are the three by which numpy builds
// its objects: numpy.core.multiarray._reconstruct, numpy.core.multiarray.scalar and numpy.dtype. Any other call is
// an error that names the function.
//
// The values of arrays stay in the file: an [Array] holds their offset and type, so that memory grows with the
// number of objects, at most 4 Mi operations, and not with the size of arrays. A text may have 64 KiB.
package pickle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/internal/fault"
)

// maxObjects bounds the operations of a pickle, and maxText the length of a text in bytes.
const (
	maxObjects = 1 << 22
	maxText    = 1 << 16
)

// Array is a numpy array of numbers in row-major order. Its values lie in the file.
type Array struct {
	Shape    []int            // extents; empty for an array without axes
	Kind     byte             // 'f' floating point, 'i' signed or 'u' unsigned integer
	ItemSize int              // bytes of one value: 1, 2, 4 or 8
	Order    binary.ByteOrder // of the bytes of a value
	Offset   int64            // of the first value, in bytes from the start of the file
}

// Dict is a dictionary. Items whose keys are no text are left out.
type Dict struct{ Items map[string]any }

// List is a list.
type List struct{ Items []any }

// Tuple is a tuple.
type Tuple []any

// Values that exist only while a pickle is read.
type (
	mark     struct{}
	global   string // module and name of a function or class
	span     struct{ off, size int64 }
	dataType struct {
		kind  byte
		size  int
		order binary.ByteOrder
	}
)

// Read returns the object that the pickle in r, of size bytes, builds: a *Dict, *List, Tuple, *Array, int64,
// string, float64, bool or nil. The error has the kind Input of wiseft.KindOf and names the offset at which
// the pickle is malformed or not supported.
func Read(r io.ReaderAt, size int64) (any, error) {
	p := &parser{r: r, size: size}
	p.in = bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)
	v, err := p.run()
	if err != nil {
		return nil, fault.Inputf("pickle, offset %d: %w", p.off, err)
	}
	return v, nil
}

type parser struct {
	r    io.ReaderAt
	in   *bufio.Reader
	off  int64 // of in
	size int64

	stack []any
	memo  []any
}

func (p *parser) take(n int64) ([]byte, error) {
	if n < 0 || n > maxText {
		return nil, fmt.Errorf("has a string of %d bytes; at most %d are supported", n, maxText)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.in, b); err != nil {
		return nil, errors.New("is truncated")
	}
	p.off += n
	return b, nil
}

// number reads an unsigned little-endian integer of n bytes.
func (p *parser) number(n int64) (int64, error) {
	b, err := p.take(n)
	var full [8]byte
	copy(full[:], b)
	v := int64(binary.LittleEndian.Uint64(full[:]))
	if err == nil && v < 0 {
		err = errors.New("has a length of 2^63 bytes or more")
	}
	return v, err
}

// skip passes over n bytes and returns where they lie.
func (p *parser) skip(n int64) (span, error) {
	if n > p.size-p.off {
		return span{}, fmt.Errorf("needs %d bytes, has %d", n, p.size-p.off)
	}
	s := span{p.off, n}
	p.off += n
	p.in.Reset(io.NewSectionReader(p.r, p.off, p.size-p.off))
	return s, nil
}

func (p *parser) push(v any) { p.stack = append(p.stack, v) }

func (p *parser) pop() (any, error) {
	if len(p.stack) == 0 {
		return nil, errors.New("pops from an empty stack")
	}
	v := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	return v, nil
}

// popMark removes the last mark and what lies above it, and returns the latter.
func (p *parser) popMark() ([]any, error) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if _, ok := p.stack[i].(mark); ok {
			items := append([]any(nil), p.stack[i+1:]...)
			p.stack = p.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("has no MARK on the stack")
}

func (p *parser) run() (any, error) {
	for n := 0; ; n++ {
		if n > maxObjects {
			return nil, fmt.Errorf("has more than %d operations", maxObjects)
		}
		op, err := p.in.ReadByte()
		if err != nil {
			return nil, errors.New("is truncated")
		}
		p.off++
		if op == '.' {
			return p.pop()
		}
		if object, ok := objects[op]; ok {
			p.push(object())
			continue
		}
		step, ok := operations[op]
		if !ok {
			return nil, fmt.Errorf("has opcode %q, which is not supported", op)
		}
		if err := step(p); err != nil {
			return nil, err
		}
	}
}
