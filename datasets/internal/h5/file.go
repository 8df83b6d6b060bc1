// Package h5 reads the arrays in the root group of an HDF5 file, as far as point-cloud data sets need it.
//
// It supports superblocks 0 to 3, also behind a user block, object headers 1 and 2, groups as symbol tables, as
// compact and as dense links, hard and soft links, integers of 1 to 8 bytes and floats of 2, 4 and 8 bytes in either byte order,
// compact, contiguous and chunked storage with every index of chunks (version 1 B-trees, and those of libver="latest", HDF5 2.0's too:
// one chunk, implicit, fixed and extensible array, version 2 B-tree), and the filters gzip, shuffle, lzf and
// fletcher32. Anything else is an error that names it. Names of structures are those of the HDF5 File Format
// Specification 3.0.
package h5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Signature starts every HDF5 file.
const Signature = "\x89HDF\r\n\x1a\n"

const undefined = ^uint64(0) // the address of something that does not exist

// Limits far above what a real file needs.
const (
	maxHeaderSize = 16 << 20 // bytes of one object header
	maxEntries    = 1 << 16  // members of a group
	maxLevel      = 16       // levels of a B-tree
)

// File is an open HDF5 file. Its methods may be called by several goroutines at
// once.
type File struct {
	r       io.ReaderAt
	size    uint64
	root    uint64   // object header of the root group
	members []member // of the root group
}

// member is a link of a group.
type member struct {
	name     string
	addr     uint64 // object header
	soft     string // the path that a soft link names; "" for others
	external bool   // a link to another file
}

// Open reads the names in the root group. r must stay readable as long as the file
// is used; size is its length in bytes.
func Open(r io.ReaderAt, size int64) (*File, error) {
	base, err := userBlock(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{r: io.NewSectionReader(r, base, size-base), size: uint64(size - base)}
	if f.root, err = f.superblock(); err != nil {
		return nil, err
	}
	if f.members, err = f.group(f.root); err != nil {
		return nil, fmt.Errorf("root group: %w", err)
	}
	return f, nil
}

// Names lists what the root group holds, in the file's order.
func (f *File) Names() []string {
	names := make([]string, len(f.members))
	for i, m := range f.members {
		names[i] = m.name
	}
	return names
}

// Has reports whether the root group holds that name.
func (f *File) Has(name string) bool {
	for _, m := range f.members {
		if m.name == name {
			return true
		}
	}
	return false
}

// Array returns the array of that name, without reading its values. Soft links are followed.
func (f *File) Array(name string) (*Array, error) {
	if !f.Has(name) {
		return nil, fmt.Errorf("has no data set %q; it has %s", name, strings.Join(f.Names(), ", "))
	}
	a, err := f.arrayAt(name)
	if err != nil {
		return nil, fmt.Errorf("data set %q: %w", name, err)
	}
	a.name = name
	return a, nil
}

func (f *File) arrayAt(name string) (*Array, error) {
	addr, err := f.follow(f.root, name, &way{})
	if err != nil {
		return nil, err
	}
	messages, err := f.objectHeader(addr)
	if err != nil {
		return nil, err
	}
	return newArray(f, messages)
}

// maxUserBlock bounds the user block; MATLAB's has 512 bytes.
const maxUserBlock = 1 << 20

// userBlock returns where the file begins behind a user block, whose length is 0, or 512 times a power of two.
// Addresses in the file count from there.
func userBlock(r io.ReaderAt, size int64) (int64, error) {
	head := make([]byte, len(Signature))
	for at := int64(0); at+int64(len(head)) <= size && at <= maxUserBlock; at = max(512, 2*at) {
		if _, err := r.ReadAt(head, at); err != nil {
			return 0, err
		}
		if string(head) == Signature {
			return at, nil
		}
	}
	return 0, errors.New("is not an HDF5 file")
}

// Matches reports whether the file has the signature of HDF5.
func Matches(r io.ReaderAt, size int64) bool {
	_, err := userBlock(r, size)
	return err == nil
}

// bytes returns n bytes at addr.
func (f *File) bytes(addr, n uint64) ([]byte, error) {
	if addr > f.size || n > f.size-addr {
		return nil, fmt.Errorf("%d bytes at offset %d lie beyond the end of the file (%d bytes)", n, addr, f.size)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, int64(addr)); err != nil {
		return nil, err
	}
	return b, nil
}

// upTo returns the at most n bytes that there are at addr.
func (f *File) upTo(addr, n uint64) ([]byte, error) {
	if addr < f.size {
		n = min(n, f.size-addr)
	}
	return f.bytes(addr, n)
}

// superblock returns the address of the root group's object header.
func (f *File) superblock() (uint64, error) {
	b, err := f.upTo(0, 128)
	if err != nil {
		return 0, err
	}
	c := cursor{b: b}
	if string(c.take(8)) != Signature {
		return 0, errors.New("is not an HDF5 file")
	}
	version := c.u8()
	switch version {
	case 0, 1:
		c.take(4) // versions of free space, root group and shared messages, and one reserved
		if offsets, lengths := c.u8(), c.u8(); offsets != 8 || lengths != 8 {
			return 0, fmt.Errorf("has offsets of %d and lengths of %d bytes; only 8 is supported", offsets, lengths)
		}
		c.take(1 + 2 + 2 + 4) // reserved, leaf and internal node K, flags
		if version == 1 {
			c.take(4) // indexed storage K, reserved
		}
	case 2, 3:
		if offsets, lengths := c.u8(), c.u8(); offsets != 8 || lengths != 8 {
			return 0, fmt.Errorf("has offsets of %d and lengths of %d bytes; only 8 is supported", offsets, lengths)
		}
		c.take(1) // flags
	default:
		return 0, fmt.Errorf("has HDF5 superblock version %d; 0 to 3 are supported", version)
	}
	base := c.u64()
	c.take(8) // free space or extension
	end := c.u64()
	if version < 2 {
		c.take(8 + 8) // driver information, link name offset of the root entry
	}
	root := c.u64()
	switch {
	case c.err != nil:
		return 0, c.err
	case end > f.size+base:
		return 0, fmt.Errorf("is truncated: it has %d bytes and should have %d", f.size, end)
	}
	return root, nil
}

// cursor reads little-endian fields. After the first read beyond the end, err is
// set and every field is zero.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.b)) {
		c.err = errors.New("a record is truncated")
	}
	if c.err != nil {
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

// uint reads an integer of n bytes, at most 8.
func (c *cursor) uint(n int) uint64 {
	var b [8]byte
	copy(b[:], c.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (c *cursor) u8() uint8   { return uint8(c.uint(1)) }
func (c *cursor) u16() uint16 { return uint16(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) u64() uint64 { return c.uint(8) }
