package h5

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// checksumBytes is the size of the checksum at the end of a block. It is not compared: chunks that need one have their
// own.
const checksumBytes = 4

// blockPrefix is the size of signature, version, kind and the header's address at the beginning of a block.
const blockPrefix = 4 + 1 + 1 + 8

// fixedArray lists the chunks of an array of a bounded shape (FAHD, FADB): one entry for each chunk, in pages if there
// are many.
func (a *Array) fixedArray() ([]chunk, error) {
	b, kind, err := a.file.signed(a.layout.addr, "FAHD", 1+1+8+8)
	if err != nil {
		return nil, err
	}
	c := cursor{b: b}
	size, pageBits, count, at := c.u8(), c.u8(), c.u64(), c.u64()
	g, err := a.newGrid(-1)
	if err != nil {
		return nil, err
	}
	e, err := a.newEntries(g, kind, size)
	switch {
	case err != nil:
		return nil, err
	case at == undefined:
		return nil, nil
	case count > a.file.size || pageBits > maxPageBits:
		return nil, fmt.Errorf("has a chunk index of %d entries in a file of %d bytes", count, a.file.size)
	}
	perPage := uint64(1) << pageBits
	if count <= perPage {
		err = e.block(at, "FADB", 0, count, 0)
		return e.found, err
	}
	bitmapBytes := ((count+perPage-1)/perPage + 7) / 8
	bitmap, _, err := a.file.signed(at, "FADB", 8+bitmapBytes)
	if err != nil {
		return nil, err
	}
	err = e.pages(bitmap[8:], 0, at+blockPrefix+bitmapBytes+checksumBytes, count, perPage, 0)
	return e.found, err
}

// maxPageBits bounds the logarithm of the entries of a page; h5py's pages have 10.
const maxPageBits = 32

// block reads a block of entries behind its prefix and extra bytes; first is the number of the first one.
func (e *entries) block(at uint64, signature string, extra, count, first uint64) error {
	b, _, err := e.a.file.signed(at, signature, 8+extra+count*uint64(e.size))
	if err != nil {
		return err
	}
	return e.read(b[8+extra:], first)
}

// pages reads the pages of a block that lie at an address. bitmap has a bit for each page from the given one on, the
// highest of a byte first, which is set if it was written.
func (e *entries) pages(bitmap []byte, bit, at, count, perPage, first uint64) error {
	size := uint64(e.size)
	for page := uint64(0); page*perPage < count; page++ {
		if i := bit + page; bitmap[i/8]&(0x80>>(i%8)) == 0 {
			continue
		}
		done := page * perPage
		b, err := e.a.file.bytes(at+page*(perPage*size+checksumBytes), min(perPage, count-done)*size)
		if err == nil {
			err = e.read(b, first+done)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// extensible is the shape of an extensible array: entries in its index block, then super blocks of data blocks. Super
// block s has 2^(s/2) data blocks of 2^((s+1)/2) times minEntries entries.
type extensible struct {
	supers     int    // super blocks in all
	direct     int    // super blocks whose data blocks the index block lists
	inIndex    uint64 // entries in the index block
	minEntries uint64
	perPage    uint64
	offset     uint64 // bytes of the offset in a block's prefix
}

// extensibleArray lists the chunks of an array of which one axis has no bound (EAHD, EAIB, EASB, EADB).
func (a *Array) extensibleArray() ([]chunk, error) {
	unbounded := slices.Index(a.most, undefined)
	if unbounded < 0 {
		return nil, errors.New("has an extensible index of chunks, and no axis without a bound")
	}
	b, kind, err := a.file.signed(a.layout.addr, "EAHD", 6+6*8+8)
	if err != nil {
		return nil, err
	}
	g, err := a.newGrid(unbounded)
	if err != nil {
		return nil, err
	}
	e, err := a.newEntries(g, kind, b[0])
	if err != nil {
		return nil, err
	}
	maxBits, minPointers, pageBits := int(b[1]), uint64(b[4]), b[5]
	x := &extensible{inIndex: uint64(b[2]), minEntries: uint64(b[3]), offset: uint64(maxBits+7) / 8}
	if maxBits > 64 || bits.OnesCount64(x.minEntries) != 1 || bits.OnesCount64(minPointers) != 1 || pageBits > maxPageBits {
		return nil, errors.New("has an extensible index of chunks whose sizes are no powers of two")
	}
	x.perPage = 1 << pageBits
	x.supers = 1 + maxBits - (bits.Len64(x.minEntries) - 1)
	x.direct = min(2*(bits.Len64(minPointers)-1), x.supers)
	c := cursor{b: b[6+6*8:]}
	if at := c.u64(); at != undefined {
		err = e.extensible(x, at, 2*(minPointers-1))
	}
	return e.found, err
}

// extensible reads the index block at an address, which lists so many data blocks, and what follows it.
func (e *entries) extensible(x *extensible, at, listed uint64) error {
	own := x.inIndex * uint64(e.size)
	b, _, err := e.a.file.signed(at, "EAIB", 8+own+8*listed+8*uint64(max(0, x.supers-x.direct)))
	if err != nil {
		return err
	}
	if err := e.read(b[8:8+own], 0); err != nil {
		return err
	}
	c := cursor{b: b[8+own:]}
	first := x.inIndex
	for s := 0; s < x.supers && first < e.grid.total; s++ {
		blocks, count := uint64(1)<<(s/2), x.minEntries<<((s+1)/2)
		var addrs, bitmap []byte
		if s < x.direct {
			addrs = c.take(int(8 * blocks))
		} else if super := c.u64(); super != undefined {
			if addrs, bitmap, err = e.superBlock(x, super, blocks, count); err != nil {
				return err
			}
		}
		if c.err != nil {
			return c.err
		}
		if err := e.dataBlocks(x, addrs, bitmap, count, first); err != nil {
			return err
		}
		first += blocks * count
	}
	return nil
}

// superBlock returns the addresses of a super block's data blocks, and the bitmap of their pages.
func (e *entries) superBlock(x *extensible, at, blocks, count uint64) (addrs, bitmap []byte, err error) {
	size := blocks * ((x.pages(count) + 7) / 8)
	b, _, err := e.a.file.signed(at, "EASB", 8+x.offset+size+8*blocks)
	if err != nil {
		return nil, nil, err
	}
	b = b[8+x.offset:]
	return b[size:], b[:size], nil
}

// pages returns the pages of a data block of count entries; 0 if it has none.
func (x *extensible) pages(count uint64) uint64 {
	if count <= x.perPage {
		return 0
	}
	return count / x.perPage
}

// dataBlocks reads data blocks of count entries each. bitmap has the bits of their pages behind each other.
func (e *entries) dataBlocks(x *extensible, addrs, bitmap []byte, count, first uint64) error {
	pages := x.pages(count)
	if uint64(8*len(bitmap)) < pages*uint64(len(addrs)/8) {
		return errors.New("has pages in a data block that the index block lists")
	}
	bit := uint64(0)
	for c := (cursor{b: addrs}); len(c.b) > 0 && first < e.grid.total; first, bit = first+count, bit+pages {
		at := c.u64()
		if at == undefined {
			continue
		}
		var err error
		if pages == 0 {
			err = e.block(at, "EADB", x.offset, count, first)
		} else {
			err = e.pages(bitmap, bit, at+blockPrefix+x.offset+checksumBytes, count, x.perPage, first)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
