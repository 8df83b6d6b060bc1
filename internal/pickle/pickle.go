// Package pickle interprets Python pickles without running them.
//
// A pickle is a program that may call any Python function. [Read] interprets the opcodes of protocols 2 to 5
// (Lib/pickletools.py) that build data: dictionaries, lists, tuples, text, bytes and numbers. Every other object is
// made by a call of a function, which the caller of Read interprets or refuses; nothing is ever run.
//
// Bytes stay in the file: a [Span] is where they lie, so that memory grows with the number of operations, at most 4 Mi,
// and not with what a length claims. A text may have 64 KiB.
package pickle

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxObjects bounds the operations of a pickle, and maxText the length of a text in bytes.
const (
	maxObjects = 1 << 22
	maxText    = 1 << 16
)

// Dict is a dictionary. Items whose keys are no text are left out.
type Dict struct{ Items map[string]any }

// SetState ignores attributes of dictionaries of other classes, such as OrderedDict.
func (*Dict) SetState(any) error { return nil }

// List is a list.
type List struct{ Items []any }

// Tuple is a tuple.
type Tuple []any

// Global is a function or class that the pickle refers to: module and name, such as "collections.OrderedDict".
type Global string

// Span is where bytes lie, in bytes from the start of the file.
type Span struct{ Off, Size int64 }

// mark is the value that the opcode MARK pushes.
type mark struct{}

// Stateful is an object whose state the pickle may set after it was made.
type Stateful interface{ SetState(state any) error }

// Options interpret what is not plain data. An error of one of the functions ends the reading.
type Options struct {
	// Call returns the object that a function or class makes of its arguments.
	Call func(function Global, args Tuple) (any, error)
	// Persistent returns the object that lies outside of the pickle under an identifier; nil refuses such objects.
	Persistent func(id any) (any, error)
}

// Error is a malformed or unsupported pickle.
type Error struct {
	Off int64 // where it was found, in bytes
	err error
}

func (e *Error) Error() string { return fmt.Sprintf("pickle, offset %d: %v", e.Off, e.err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Read returns the object that the pickle in r, of size bytes, builds: a *Dict, *List, Tuple, Span, Global, int64,
// string, float64, bool, nil, or what the options make. Errors are of type *Error.
func Read(r io.ReaderAt, size int64, opt Options) (any, error) {
	p := &parser{r: r, size: size, opt: opt}
	p.in = bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)
	v, err := p.run()
	if err != nil {
		return nil, &Error{p.off, err}
	}
	return v, nil
}

type parser struct {
	r    io.ReaderAt
	in   *bufio.Reader
	off  int64 // of in
	size int64
	opt  Options

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

// line reads a text that ends with a line break, which is left out.
func (p *parser) line() (string, error) {
	b, err := p.in.ReadSlice('\n') // as long as the reader's buffer at most
	if err != nil {
		return "", errors.New("has a name without an end")
	}
	p.off += int64(len(b))
	return string(b[:len(b)-1]), nil
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
func (p *parser) skip(n int64) (Span, error) {
	if n > p.size-p.off {
		return Span{}, fmt.Errorf("needs %d bytes, has %d", n, p.size-p.off)
	}
	s := Span{p.off, n}
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

// call makes an object by a function and its arguments, the two values on top of the stack.
func (p *parser) call() error {
	args, err1 := p.pop()
	function, err2 := p.pop()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	list, ok := args.(Tuple)
	name, isGlobal := function.(Global)
	if !ok || !isGlobal {
		return errors.New("calls an object that is not a function")
	}
	v, err := p.opt.Call(name, list)
	p.push(v)
	return err
}

// persistent makes the object whose identifier is on top of the stack.
func (p *parser) persistent() error {
	id, err := p.pop()
	if err != nil {
		return err
	}
	if p.opt.Persistent == nil {
		return fmt.Errorf("refers to an object outside of it")
	}
	v, err := p.opt.Persistent(id)
	p.push(v)
	return err
}

// build sets the state of the object below the top of the stack.
func (p *parser) build() error {
	state, err := p.pop()
	if err != nil {
		return err
	}
	if len(p.stack) == 0 {
		return errors.New("sets the state of an object, but the stack is empty")
	}
	object, ok := p.stack[len(p.stack)-1].(Stateful)
	if !ok {
		return errors.New("sets the state of an object that has none")
	}
	return object.SetState(state)
}
