package mapping

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
)

// gather sets elements of dst to elements of src: those of an array with the extents dims, which lie at strides in each of them,
// in elements of item bytes. The last axis is contiguous in dst.
func gather(dst, src []byte, dims, to, from []int64, item int) {
	n := len(dims)
	if n < 2 {
		pad := func(list []int64, x int64) []int64 { return append(slices.Repeat([]int64{x}, 2-n), list...) }
		gatherMatrix(dst, src, pad(dims, 1), pad(to, 0), pad(from, 0), item)
		return
	}
	d, s := newWalk(dims[:n-2], to[:n-2]), newWalk(dims[:n-2], from[:n-2])
	for range length(dims[:n-2]) {
		gatherMatrix(dst[int(d.off)*item:], src[int(s.off)*item:], dims[n-2:], to[n-2:], from[n-2:], item)
		d.next()
		s.next()
	}
}

// tile is the side of the squares that are set together: elements that are neighbours in the source share a line of the cache.
const tile = 16

// gatherMatrix is gather for two axes.
func gatherMatrix(dst, src []byte, dims, to, from []int64, item int) {
	rows, columns := int(dims[0]), int(dims[1])
	step, down, right := int(to[0])*item, int(from[0])*item, int(from[1])*item
	squares := down == item && item == 4
	for c := 0; c < columns; c += tile {
		width := min(tile, columns-c)
		for r := 0; r < rows; r += tile {
			height, h, w := min(tile, rows-r), 0, 0
			d, s := dst[r*step+c*item:], src[r*down+c*right:]
			if squares {
				h, w = kernel.Transpose(d, step, s, right, height, width)
			}
			if w < width && h > 0 {
				gatherTile(d[w*item:], step, s[w*right:], down, right, h, width-w, item)
			}
			if h < height {
				gatherTile(d[h*step:], step, s[h*down:], down, right, height-h, width, item)
			}
		}
	}
}

// gatherTile is gatherMatrix for as few rows and columns as a tile has.
func gatherTile(dst []byte, step int, src []byte, down, right, rows, columns, item int) {
	size, i := columns*item, 0
	if down == item && (item == 2 || item == 4) {
		for ; i+4 <= rows; i += 4 {
			at := i * step
			four := [4][]byte{dst[at:][:size], dst[at+step:][:size], dst[at+2*step:][:size], dst[at+3*step:][:size]}
			gatherFour(&four, src[i*down:], right, item)
		}
	}
	for ; i < rows; i++ {
		gatherRow(dst[i*step:][:size], src[i*down:], right, item)
	}
}

// gatherRow sets dst to elements of src that are step bytes apart.
func gatherRow(dst, src []byte, step, item int) {
	if step == item {
		copy(dst, src)
		return
	}
	for at := 0; len(dst) > 0; dst = dst[item:] {
		switch item {
		case 8:
			binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src[at:]))
		case 4:
			binary.LittleEndian.PutUint32(dst, binary.LittleEndian.Uint32(src[at:]))
		default:
			copy(dst[:item], src[at:])
		}
		at += step
	}
}

// gatherFour is gatherRow for four rows of 2 or 4 bytes an element, whose elements are neighbours in src: words that are read and
// written have several elements.
func gatherFour(rows *[4][]byte, src []byte, step, item int) {
	var done int // bytes of each row
	if item == 4 {
		done = gatherFour32(rows, src, step)
	} else {
		done = gatherFour16(rows, src, step)
	}
	if done == len(rows[0]) {
		return
	}
	for i, row := range rows {
		gatherRow(row[done:], src[done/item*step+i*item:], step, item)
	}
}

// gatherFour32 is gatherFour for elements of 4 bytes and pairs of columns. It returns how many bytes of each row it has set.
func gatherFour32(rows *[4][]byte, src []byte, step int) int {
	le := binary.LittleEndian
	a, b, c, d := rows[0], rows[1], rows[2], rows[3]
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	const low = math.MaxUint32
	i := 0
	for at := 0; i+8 <= len(a); i, at = i+8, at+2*step {
		p, q := (*[16]byte)(src[at:]), (*[16]byte)(src[at+step:])
		x, y, z, w := le.Uint64(p[:8]), le.Uint64(q[:8]), le.Uint64(p[8:]), le.Uint64(q[8:])
		le.PutUint64(a[i:i+8], x&low|y<<32)
		le.PutUint64(b[i:i+8], x>>32|y&^low)
		le.PutUint64(c[i:i+8], z&low|w<<32)
		le.PutUint64(d[i:i+8], z>>32|w&^low)
	}
	return i
}

// gatherFour16 is gatherFour32 for elements of 2 bytes and groups of four columns.
func gatherFour16(rows *[4][]byte, src []byte, step int) int {
	le := binary.LittleEndian
	a, b, c, d := rows[0], rows[1], rows[2], rows[3]
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	const even, low = 0x0000ffff0000ffff, math.MaxUint32
	i := 0
	for at := 0; i+8 <= len(a); i, at = i+8, at+4*step {
		x, y, z, w := le.Uint64(src[at:]), le.Uint64(src[at+step:]), le.Uint64(src[at+2*step:]), le.Uint64(src[at+3*step:])
		x, y = x&even|y&even<<16, x>>16&even|y&^even // rows 0 and 2, rows 1 and 3 of two columns
		z, w = z&even|w&even<<16, z>>16&even|w&^even
		le.PutUint64(a[i:i+8], x&low|z<<32)
		le.PutUint64(b[i:i+8], y&low|w<<32)
		le.PutUint64(c[i:i+8], x>>32|z&^low)
		le.PutUint64(d[i:i+8], y>>32|w&^low)
	}
	return i
}
