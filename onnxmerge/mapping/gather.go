package mapping

import (
	"encoding/binary"
	"math"
	"slices"
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
	paired := down == item && (item == 2 || item == 4)
	for r := 0; r < rows; r += tile {
		last := min(r+tile, rows)
		for c := 0; c < columns; c += tile {
			size := min(tile, columns-c) * item
			i := r
			for ; paired && i+2 <= last; i += 2 {
				at := i*step + c*item
				gatherRows(dst[at:][:size], dst[at+step:][:size], src[i*down+c*right:], right, item)
			}
			for ; i < last; i++ {
				gatherRow(dst[i*step+c*item:][:size], src[i*down+c*right:], right, item)
			}
		}
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

// gatherRows is gatherRow for two rows of 2 or 4 bytes an element, a and b, whose elements are neighbours in src: a word that is
// read or written has two elements.
func gatherRows(a, b, src []byte, step, item int) {
	le := binary.LittleEndian
	at, i := 0, 0
	b = b[:len(a)]
	for ; item == 4 && i+8 <= len(a); i += 8 {
		x, y := le.Uint64(src[at:]), le.Uint64(src[at+step:])
		le.PutUint64(a[i:], x&math.MaxUint32|y<<32)
		le.PutUint64(b[i:], x>>32|y&^math.MaxUint32)
		at += 2 * step
	}
	for ; item == 2 && i+4 <= len(a); i += 4 {
		x, y := le.Uint32(src[at:]), le.Uint32(src[at+step:])
		le.PutUint32(a[i:], x&math.MaxUint16|y<<16)
		le.PutUint32(b[i:], x>>16|y&^math.MaxUint16)
		at += 2 * step
	}
	if i < len(a) {
		gatherRow(a[i:], src[at:], step, item)
		gatherRow(b[i:], src[at+item:], step, item)
	}
}
