// Package pickle reads the numbers in a Python pickle: dictionaries, lists, tuples, text,
// integers and numpy arrays, as data sets are cached with them.
//
// A pickle is a program that may call any Python function. This reads it without running
// anything: the few functions by which numpy builds arrays are known, and every other
// one is refused by name. Arrays stay in the file: only their place is kept, so that
// memory depends on the number of objects and not on the size of arrays.
//
// Opcodes are those of Lib/pickletools.py, protocols 2 to 5.
package pickle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxObjects bounds the objects of a pickle, and maxText a text in bytes.
const (
	maxObjects = 1 << 22
	maxText    = 1 << 16
)

// Array is a numpy array of numbers, row-major, whose values lie in the file.
type Array struct {
	Shape    []int
	Kind     byte // 'f', 'i' or 'u'
	ItemSize int
	Order    binary.ByteOrder
	Offset   int64 // of the first value
}

// What Read gives is one of these three, an *Array, an int64, a string, a float64, a bool or
// nil.
type (
	// Dict is a dictionary, without the items whose keys are no text.
	Dict struct{ Items map[string]any }
	// List is a list.
	List struct{ Items []any }
	// Tuple is a tuple.
	Tuple []any
)

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

// Read returns the object in r, which holds size bytes.
func Read(r io.ReaderAt, size int64) (any, error) {
	p := &parser{r: r, size: size}
	p.in = bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)
	v, err := p.run()
	if err != nil {
		return nil, fmt.Errorf("pickle, offset %d: %w", p.off, err)
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
		return nil, fmt.Errorf("has a text of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.in, b); err != nil {
		return nil, errors.New("ends too early")
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
		err = errors.New("has an impossible length")
	}
	return v, err
}

// skip leaves bytes where they are and returns their place.
func (p *parser) skip(n int64) (span, error) {
	if n > p.size-p.off {
		return span{}, fmt.Errorf("claims %d bytes, has %d", n, p.size-p.off)
	}
	s := span{p.off, n}
	p.off += n
	p.in.Reset(io.NewSectionReader(p.r, p.off, p.size-p.off))
	return s, nil
}

func (p *parser) push(v any) { p.stack = append(p.stack, v) }

func (p *parser) pop() (any, error) {
	if len(p.stack) == 0 {
		return nil, errors.New("takes from an empty stack")
	}
	v := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	return v, nil
}

// popMark returns what lies above the last mark.
func (p *parser) popMark() ([]any, error) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if _, ok := p.stack[i].(mark); ok {
			items := append([]any(nil), p.stack[i+1:]...)
			p.stack = p.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("has no mark")
}

func (p *parser) run() (any, error) {
	for n := 0; ; n++ {
		if n > maxObjects {
			return nil, fmt.Errorf("has more than %d operations", maxObjects)
		}
		op, err := p.in.ReadByte()
		if err != nil {
			return nil, errors.New("ends too early")
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
			return nil, fmt.Errorf("has the operation %q, which is not known", op)
		}
		if err := step(p); err != nil {
			return nil, err
		}
	}
}
