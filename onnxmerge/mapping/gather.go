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
	grouped := down == item && (item == 2 || item == 4)
	for r := 0; r < rows; r += tile {
		last := min(r+tile, rows)
		for c := 0; c < columns; c += tile {
			size := min(tile, columns-c) * item
			i := r
			for ; squares && i+8 <= last; i += 8 {
				gatherEight(dst[i*step+c*item:], step, src[i*down+c*right:], right, size)
			}
			for ; grouped && i+4 <= last; i += 4 {
				at := i*step + c*item
				four := [4][]byte{dst[at:][:size], dst[at+step:][:size], dst[at+2*step:][:size], dst[at+3*step:][:size]}
				gatherFour(&four, src[i*down+c*right:], right, item)
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

// gatherEight is gatherRow for eight rows of 4 bytes an element, step bytes apart, whose elements are neighbours in src.
func gatherEight(dst []byte, step int, src []byte, right, size int) {
	done := kernel.Transpose(dst, step, src, right, size/4)
	for i := 0; i < 8 && 4*done < size; i += 4 {
		at := i*step + 4*done
		rest := size - 4*done
		four := [4][]byte{dst[at:][:rest], dst[at+step:][:rest], dst[at+2*step:][:rest], dst[at+3*step:][:rest]}
		gatherFour(&four, src[done*right+4*i:], right, 4)
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
