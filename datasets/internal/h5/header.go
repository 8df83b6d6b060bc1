package h5

import (
	"errors"
	"fmt"
)

// Types of header messages.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgLink         = 0x06
	msgLayout       = 0x08
	msgFillValue    = 0x05
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
)

type message struct {
	kind uint16
	data []byte
}

// block is a run of messages that was not read yet.
type block struct{ addr, size uint64 }

// objectHeader returns the messages of the object at addr.
func (f *File) objectHeader(addr uint64) ([]message, error) {
	head, err := f.upTo(addr, 64)
	if err != nil {
		return nil, err
	}
	c := cursor{b: head}
	if string(head[:min(4, len(head))]) == "OHDR" {
		return f.objectHeader2(addr, head)
	}
	if version := c.u8(); version != 1 {
		return nil, fmt.Errorf("has object header version %d at offset %d; 1 and 2 are supported", version, addr)
	}
	c.take(1 + 2 + 4) // reserved, number of messages, reference count
	size := c.u32()
	if c.err != nil {
		return nil, c.err
	}
	return f.messages(block{addr + 16, uint64(size)}, func(c *cursor) message {
		kind, n := c.u16(), c.u16()
		c.take(1 + 3) // flags, reserved
		return message{kind, c.take(int(n))}
	}, 8, 0, 0)
}

func (f *File) objectHeader2(addr uint64, head []byte) ([]message, error) {
	c := cursor{b: head[4:]}
	if version := c.u8(); version != 2 {
		return nil, fmt.Errorf("has object header version %d at offset %d; 1 and 2 are supported", version, addr)
	}
	flags := c.u8()
	if flags&0x20 != 0 {
		c.take(16) // access, modification, change and birth time
	}
	if flags&0x10 != 0 {
		c.take(4) // when attributes move to dense storage
	}
	size := c.uint(1 << (flags & 3))
	if c.err != nil {
		return nil, c.err
	}
	prefix := 4
	if flags&0x04 != 0 {
		prefix += 2 // creation order
	}
	start := addr + uint64(len(head)-len(c.b))
	return f.messages(block{start, size}, func(c *cursor) message {
		kind, n := uint16(c.u8()), c.u16()
		c.take(prefix - 3) // flags, creation order
		return message{kind, c.take(int(n))}
	}, prefix, len("OCHK"), 4)
}

// messages reads a block and its continuations. A continuation block starts with
// skip bytes of signature and ends with trail bytes of checksum; a rest that is
// shorter than a message's prefix is a gap.
func (f *File) messages(first block, next func(*cursor) message, prefix, skip, trail int) ([]message, error) {
	var all []message
	var total uint64
	todo := []block{first}
	for i := 0; i < len(todo); i++ {
		total += todo[i].size
		if todo[i].size > maxHeaderSize || total > maxHeaderSize {
			return nil, errors.New("has an object header larger than 16 MiB")
		}
		b, err := f.bytes(todo[i].addr, todo[i].size)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			if len(b) < skip+trail+1 {
				return nil, errors.New("has an empty object header continuation")
			}
			b = b[skip : len(b)-trail]
		}
		c := cursor{b: b}
		for len(c.b) >= prefix {
			m := next(&c)
			if c.err != nil {
				return nil, c.err
			}
			if m.kind != msgContinuation {
				all = append(all, m)
				continue
			}
			mc := cursor{b: m.data}
			todo = append(todo, block{mc.u64(), mc.u64()})
			if mc.err != nil {
				return nil, mc.err
			}
		}
	}
	return all, nil
}

// walk visits the leaves of a version 1 B-tree, giving each child with the key
// before it. Levels must fall by one from node to node, which rules out cycles, and
// the nodes visited may not take more bytes than the file has.
func (f *File) walk(root uint64, nodeType uint8, keySize int, leaf func(key []byte, child uint64) error) error {
	var visited uint64
	var visit func(addr uint64, level int) error
	visit = func(addr uint64, level int) error {
		head, err := f.bytes(addr, 24)
		if err != nil {
			return err
		}
		c := cursor{b: head}
		if string(c.take(4)) != "TREE" || c.u8() != nodeType {
			return fmt.Errorf("has no B-tree node at offset %d", addr)
		}
		have := int(c.u8())
		if level < 0 {
			level = have
		}
		if have != level || level > maxLevel {
			return fmt.Errorf("has a B-tree node of level %d at offset %d, want %d", have, addr, level)
		}
		size := uint64(c.u16()) * uint64(keySize+8)
		if visited += size + 24; visited > f.size {
			return errors.New("has a B-tree that is larger than the file")
		}
		body, err := f.bytes(addr+24, size)
		if err != nil {
			return err
		}
		for c := (cursor{b: body}); len(c.b) > 0; {
			key, child := c.take(keySize), c.u64()
			if level > 0 {
				err = visit(child, level-1)
			} else {
				err = leaf(key, child)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return visit(root, -1)
}
