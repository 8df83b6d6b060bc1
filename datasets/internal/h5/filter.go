package h5

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/wiseft/wiseft/datasets/internal/lzf"
)

// Registered filter numbers.
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
	filterLZF        = 32000
)

// maxDeflateRatio is how many bytes one byte of a deflate stream can expand to, at most.
const maxDeflateRatio = 1032

type filter struct {
	id       uint16
	itemSize int // shuffle: bytes of an element
}

func (a *Array) readFilters(c *cursor) error {
	version := c.u8()
	count := c.u8()
	switch version {
	case 1:
		c.take(6)
	case 2:
	default:
		return fmt.Errorf("has filter pipeline version %d; 1 and 2 are supported", version)
	}
	for range count {
		f := filter{id: c.u16()}
		nameSize := 0
		if version == 1 || f.id >= 256 {
			nameSize = int(c.u16())
		}
		c.take(2) // flags
		values := int(c.u16())
		c.take(nameSize)
		for i := range values {
			if v := c.u32(); i == 0 {
				f.itemSize = int(v)
			}
		}
		if version == 1 && values%2 == 1 {
			c.take(4)
		}
		if c.err != nil {
			return c.err
		}
		switch f.id {
		case filterDeflate, filterFletcher32, filterLZF:
		case filterShuffle:
			if f.itemSize < 1 {
				return errors.New("has a shuffle filter without element size")
			}
		default:
			return fmt.Errorf("is stored with filter %d; gzip, shuffle, lzf and fletcher32 are supported", f.id)
		}
		a.filters = append(a.filters, f)
	}
	return nil
}

// maxRatio bounds what one stored byte can expand to.
func (a *Array) maxRatio() uint64 {
	for _, f := range a.filters {
		if f.id == filterDeflate || f.id == filterLZF {
			return maxDeflateRatio
		}
	}
	return 1
}

// unfilter reverses the filters, last first, and returns exactly size bytes.
func (a *Array) unfilter(b []byte, mask uint32, size int) ([]byte, error) {
	for i := len(a.filters) - 1; i >= 0; i-- {
		if i < 32 && mask&(1<<i) != 0 {
			continue
		}
		var err error
		switch f := a.filters[i]; f.id {
		case filterDeflate:
			b, err = inflate(b, size+4) // 4: a checksum may lie inside
		case filterLZF:
			out := make([]byte, size)
			err = lzf.Decode(out, b)
			b = out
		case filterShuffle:
			b = unshuffle(b, f.itemSize)
		case filterFletcher32:
			b, err = checkFletcher32(b)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(b) < size {
		return nil, fmt.Errorf("has %d bytes, want %d", len(b), size)
	}
	return b[:size], nil
}

// inflate decompresses b to at most limit bytes.
func inflate(b []byte, limit int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(make([]byte, 0, min(limit, len(b)*maxDeflateRatio)))
	n, err := io.Copy(out, io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case n > int64(limit):
		return nil, fmt.Errorf("expands to more than the %d bytes of a chunk", limit)
	}
	return out.Bytes(), nil
}

// unshuffle restores the bytes of each element: the filter stores the first bytes of all elements, then all second
// bytes, and so on. A remainder shorter than an element stays at the end.
func unshuffle(b []byte, itemSize int) []byte {
	n := len(b) / itemSize
	if n == 0 {
		return b
	}
	out := make([]byte, len(b))
	for k := range itemSize {
		plane := b[k*n : (k+1)*n]
		for i, v := range plane {
			out[i*itemSize+k] = v
		}
	}
	copy(out[n*itemSize:], b[n*itemSize:])
	return out
}

// checkFletcher32 verifies and removes the checksum behind b: two sums of 16-bit
// words modulo 65535, read big-endian, stored little-endian.
func checkFletcher32(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errors.New("is too short for its checksum")
	}
	data, tail := b[:len(b)-4], b[len(b)-4:]
	var s1, s2 uint32
	for i := 0; i < len(data); i += 2 {
		word := uint32(data[i]) << 8
		if i+1 < len(data) {
			word |= uint32(data[i+1])
		}
		s1 = (s1 + word) % 65535
		s2 = (s2 + s1) % 65535
	}
	c := cursor{b: tail}
	if sum := c.u32(); sum>>16%65535 != s2 || sum&0xffff%65535 != s1 {
		return nil, errors.New("is damaged: its checksum does not match")
	}
	return data, nil
}
