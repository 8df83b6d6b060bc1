package h5

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds on the way to an object, in all: soft links, of which HDF5 itself follows 16, and groups. Without them a small
// file with links of links takes a time that grows exponentially.
const (
	maxLinks  = 16
	maxGroups = 256
)

// way counts what was passed on the way to an object.
type way struct{ links, groups int }

// Kinds of links in a Link message.
const (
	hardLink = 0
	softLink = 1
)

// follow returns the object header that a path names, from the group at addr; a path with a slash in front begins at
// the root.
func (f *File) follow(group uint64, path string, w *way) (uint64, error) {
	if strings.HasPrefix(path, "/") {
		group = f.root
	}
	at := group
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		if w.groups++; w.groups > maxGroups {
			return 0, fmt.Errorf("more than %d groups lead to it", maxGroups)
		}
		members, err := f.group(at)
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
		if i < 0 {
			return 0, fmt.Errorf("a link leads to %q, which does not exist", path)
		}
		switch m := members[i]; {
		case m.external:
			return 0, errors.New("is a link into another file, which is not followed; copy the data set")
		case m.soft == "":
			at = m.addr
		case w.links == maxLinks:
			return 0, fmt.Errorf("more than %d soft links lead to it", maxLinks)
		default:
			w.links++
			if at, err = f.follow(at, m.soft, w); err != nil {
				return 0, err
			}
		}
	}
	return at, nil
}

// group returns the members of the group whose object header is at addr.
func (f *File) group(addr uint64) (members []member, err error) {
	if addr == f.root && f.members != nil {
		return f.members, nil
	}
	messages, err := f.objectHeader(addr)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		c := cursor{b: m.data}
		var more []member
		switch m.kind {
		case msgSymbolTable:
			more, err = f.symbolTable(c.u64(), c.u64())
		case msgLink:
			more, err = readLink(&c)
		case msgLinkInfo:
			more, err = f.denseLinks(&c)
		}
		if err = errors.Join(err, c.err); err != nil {
			return nil, err
		}
		members = append(members, more...)
	}
	return members, nil
}

// linkRecords is the type of records of a version 2 B-tree of links by the hash of their names.
const linkRecords = 5

// denseLinks returns the links of a Link Info message, sorted by name: groups of more than a few members have them in a
// fractal heap, indexed by a B-tree.
func (f *File) denseLinks(c *cursor) (members []member, err error) {
	c.take(1) // version
	if flags := c.u8(); flags&1 != 0 {
		c.take(8) // maximum creation index
	}
	heapAt, treeAt := c.u64(), c.u64()
	if c.err != nil || heapAt == undefined {
		return nil, c.err
	}
	h, err := f.heap(heapAt)
	if err != nil {
		return nil, err
	}
	tree, err := f.tree2(treeAt)
	if err != nil {
		return nil, err
	}
	if tree.kind != linkRecords || tree.recordSize < 4+1 {
		return nil, fmt.Errorf("has a B-tree of type %d with records of %d bytes", tree.kind, tree.recordSize)
	}
	err = tree.walk(func(record []byte) error {
		b, err := h.object(record[4:]) // behind the hash
		if err != nil {
			return err
		}
		link, err := readLink(&cursor{b: b})
		if members = append(members, link...); len(members) > maxEntries {
			return fmt.Errorf("has more than %d members", maxEntries)
		}
		return err
	})
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return members, err
}

// readLink reads a Link message.
func readLink(c *cursor) ([]member, error) {
	c.take(1) // version
	flags := c.u8()
	kind := uint8(hardLink)
	if flags&0x08 != 0 {
		kind = c.u8()
	}
	if flags&0x04 != 0 {
		c.take(8) // creation order
	}
	if flags&0x10 != 0 {
		c.take(1) // character set
	}
	size := c.uint(1 << (flags & 3))
	if size > maxHeaderSize {
		return nil, errors.New("has a link name that is too long")
	}
	m := member{name: string(c.take(int(size)))}
	switch kind {
	case hardLink:
		m.addr = c.u64()
	case softLink:
		if m.soft = string(c.take(int(c.u16()))); m.soft == "" {
			return nil, errors.New("has a soft link without a path")
		}
	default:
		m.external = true
	}
	return []member{m}, c.err
}

// symbolTable returns the members of an old-style group: a B-tree of symbol table nodes, with the names in a local
// heap.
func (f *File) symbolTable(tree, heap uint64) (members []member, err error) {
	head, err := f.bytes(heap, 32)
	if err != nil {
		return nil, err
	}
	c := cursor{b: head}
	if string(c.take(4)) != "HEAP" {
		return nil, fmt.Errorf("has no local heap at offset %d", heap)
	}
	c.take(4) // version, reserved
	size := c.u64()
	c.take(8) // free list
	names, err := f.bytes(c.u64(), size)
	if err != nil {
		return nil, err
	}
	err = f.walk(tree, 0, 8, func(_ []byte, node uint64) error {
		more, err := f.symbolNode(node, names)
		if members = append(members, more...); len(members) > maxEntries {
			return fmt.Errorf("has more than %d members", maxEntries)
		}
		return err
	})
	return members, err
}

func (f *File) symbolNode(addr uint64, names []byte) (members []member, err error) {
	head, err := f.bytes(addr, 8)
	if err != nil {
		return nil, err
	}
	if string(head[:4]) != "SNOD" {
		return nil, fmt.Errorf("has no symbol table node at offset %d", addr)
	}
	count := uint64(head[6]) | uint64(head[7])<<8
	b, err := f.bytes(addr+8, count*40)
	if err != nil {
		return nil, err
	}
	c := cursor{b: b}
	for range count {
		m := member{}
		off := c.u64()
		m.addr = c.u64()
		cache := c.u32()
		c.take(4) // reserved
		scratch := cursor{b: c.take(16)}
		if m.name, err = heapText(names, off); err != nil {
			return nil, err
		}
		if cache == 2 {
			if m.soft, err = heapText(names, uint64(scratch.u32())); err == nil && m.soft == "" {
				err = errors.New("has a soft link without a path")
			}
			if err != nil {
				return nil, err
			}
		}
		members = append(members, m)
	}
	return members, c.err
}

// heapText returns the text at an offset of a local heap, up to its zero byte.
func heapText(heap []byte, off uint64) (string, error) {
	if off >= uint64(len(heap)) {
		return "", errors.New("has a name outside its local heap")
	}
	text, _, _ := strings.Cut(string(heap[off:]), "\x00")
	return text, nil
}
