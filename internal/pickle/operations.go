package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// objects holds the opcodes that push a constant or an empty container.
var objects = map[byte]func() any{
	'(':  func() any { return mark{} },                  // MARK
	'}':  func() any { return &Dict{map[string]any{}} }, // EMPTY_DICT
	']':  func() any { return &List{} },                 // EMPTY_LIST
	')':  func() any { return Tuple{} },                 // EMPTY_TUPLE
	'N':  func() any { return nil },                     // NONE
	0x88: func() any { return true },                    // NEWTRUE
	0x89: func() any { return false },                   // NEWFALSE
}

// operations holds the other opcodes that data needs.
var operations = map[byte]func(*parser) error{
	0x80: func(p *parser) error { _, err := p.take(1); return err }, // PROTO
	0x95: func(p *parser) error { _, err := p.take(8); return err }, // FRAME
	'K':  integer(1),                                                // BININT1
	'M':  integer(2),                                                // BININT2
	'J':  integer(4),                                                // BININT, signed
	0x8a: func(p *parser) error { // LONG1: two's complement
		n, err := p.number(1)
		if err != nil {
			return err
		}
		if n > 8 {
			return fmt.Errorf("has an integer of %d bytes; at most 8 are supported", n)
		}
		b, err := p.take(n)
		if err != nil {
			return err
		}
		var v int64
		for i := range b {
			v |= int64(b[i]) << (8 * i)
		}
		if n > 0 && n < 8 && b[n-1]&0x80 != 0 {
			v -= 1 << (8 * n)
		}
		p.push(v)
		return nil
	},
	'G': func(p *parser) error { // BINFLOAT, big-endian
		b, err := p.take(8)
		if err == nil {
			p.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return err
	},
	0x8c: text(1),                                               // SHORT_BINUNICODE
	'X':  text(4),                                               // BINUNICODE
	'U':  text(1),                                               // SHORT_BINSTRING
	'C':  bytesOf(1),                                            // SHORT_BINBYTES
	'B':  bytesOf(4),                                            // BINBYTES
	0x8e: bytesOf(8),                                            // BINBYTES8
	0x96: bytesOf(8),                                            // BYTEARRAY8
	0x94: func(p *parser) error { return p.store(len(p.memo)) }, // MEMOIZE
	'q':  put(1),                                                // BINPUT
	'r':  put(4),                                                // LONG_BINPUT
	'h':  fetch(1),                                              // BINGET
	'j':  fetch(4),                                              // LONG_BINGET
	'c': func(p *parser) error { // GLOBAL: two lines
		module, err1 := p.line()
		name, err2 := p.line()
		p.push(Global(strings.TrimSpace(module) + "." + strings.TrimSpace(name)))
		return errors.Join(err1, err2)
	},
	0x93: func(p *parser) error { // STACK_GLOBAL
		name, err1 := p.pop()
		module, err2 := p.pop()
		p.push(Global(fmt.Sprintf("%v.%v", module, name)))
		return errors.Join(err1, err2)
	},
	'a': func(p *parser) error { // APPEND
		v, err := p.pop()
		if err != nil {
			return err
		}
		return p.extend([]any{v})
	},
	'e': func(p *parser) error { // APPENDS
		items, err := p.popMark()
		if err != nil {
			return err
		}
		return p.extend(items)
	},
	's': func(p *parser) error { return p.setItems(2) }, // SETITEM
	'u': func(p *parser) error { return p.setItems(0) }, // SETITEMS
	't': func(p *parser) error { // TUPLE
		items, err := p.popMark()
		p.push(Tuple(items))
		return err
	},
	0x85: tuple(1), 0x86: tuple(2), 0x87: tuple(3), // TUPLE1 to TUPLE3
	'R':  (*parser).call,       // REDUCE
	0x81: (*parser).call,       // NEWOBJ
	'Q':  (*parser).persistent, // BINPERSID
	'b':  (*parser).build,
}

func integer(size int64) func(*parser) error {
	return func(p *parser) error {
		v, err := p.number(size)
		if size == 4 {
			v = int64(int32(v))
		}
		p.push(v)
		return err
	}
}

func text(size int64) func(*parser) error {
	return func(p *parser) error {
		n, err := p.number(size)
		if err != nil {
			return err
		}
		b, err := p.take(n)
		p.push(string(b))
		return err
	}
}

func bytesOf(size int64) func(*parser) error {
	return func(p *parser) error {
		n, err := p.number(size)
		if err != nil {
			return err
		}
		s, err := p.skip(n)
		p.push(s)
		return err
	}
}

// store copies the top of the stack into the memo at an index, at most one past its end.
func (p *parser) store(at int) error {
	if len(p.stack) == 0 || at > len(p.memo) {
		return fmt.Errorf("stores memo entry %d, but the stack is empty or the memo has %d entries", at, len(p.memo))
	}
	v := p.stack[len(p.stack)-1]
	if at == len(p.memo) {
		p.memo = append(p.memo, v)
	}
	p.memo[at] = v
	return nil
}

func put(size int64) func(*parser) error {
	return func(p *parser) error {
		at, err := p.number(size)
		if err != nil {
			return err
		}
		return p.store(int(at))
	}
}

func fetch(size int64) func(*parser) error {
	return func(p *parser) error {
		at, err := p.number(size)
		if err == nil && at >= int64(len(p.memo)) {
			err = fmt.Errorf("reads memo entry %d, but the memo has %d entries", at, len(p.memo))
		}
		if err == nil {
			p.push(p.memo[at])
		}
		return err
	}
}

func tuple(n int) func(*parser) error {
	return func(p *parser) error {
		if len(p.stack) < n {
			return errors.New("pops from an empty stack")
		}
		items := append(Tuple(nil), p.stack[len(p.stack)-n:]...)
		p.stack = append(p.stack[:len(p.stack)-n], items)
		return nil
	}
}

// extend appends to the list on top of the stack.
func (p *parser) extend(items []any) error {
	if len(p.stack) > 0 {
		if list, ok := p.stack[len(p.stack)-1].(*List); ok {
			list.Items = append(list.Items, items...)
			return nil
		}
	}
	return errors.New("appends to an object that is not a list")
}

// setItems sets n/2 items of a dictionary, or with n = 0 the items above the mark. Keys that are not strings
// are left out.
func (p *parser) setItems(n int) error {
	var items []any
	var err error
	if n == 0 {
		items, err = p.popMark()
	} else if len(p.stack) > n {
		items = append(items, p.stack[len(p.stack)-n:]...)
		p.stack = p.stack[:len(p.stack)-n]
	}
	if err != nil {
		return err
	}
	if len(p.stack) == 0 || len(items)%2 != 0 {
		return errors.New("sets items without a dictionary, or a key without a value")
	}
	dict, ok := p.stack[len(p.stack)-1].(*Dict)
	if !ok {
		return errors.New("sets items of an object that is not a dictionary")
	}
	for i := 0; i < len(items); i += 2 {
		if key, ok := items[i].(string); ok {
			dict.Items[key] = items[i+1]
		}
	}
	return nil
}
