package mapping

import "encoding/binary"

// gather sets dst, an array in row-major order with the extents dims, to elements of src that lie at strides, in
// elements of item bytes.
func gather(dst, src []byte, dims, strides []int64, item int) {
	n := len(dims)
	if n < 2 || len(dst) == 0 {
		d, s := []int64{1, 1}, []int64{0, 0}
		copy(d[2-n:], dims)
		copy(s[2-n:], strides)
		gatherMatrix(dst, src, d, s, item)
		return
	}
	w := newWalk(dims[:n-2], strides[:n-2])
	size := int(dims[n-2]*dims[n-1]) * item
	for at := 0; at < len(dst); at += size {
		gatherMatrix(dst[at:at+size], src[int(w.off)*item:], dims[n-2:], strides[n-2:], item)
		w.next()
	}
}

// tile is how many rows are set together: elements that are neighbours in the source share a line of the cache.
const tile = 16

// gatherMatrix is gather for two axes.
func gatherMatrix(dst, src []byte, dims, strides []int64, item int) {
	rows, columns := int(dims[0]), int(dims[1])
	down, right := int(strides[0])*item, int(strides[1])*item
	for first := 0; first < rows; first += tile {
		last := min(first+tile, rows)
		for c := range columns {
			for r := first; r < last; r++ {
				to, from := dst[(r*columns+c)*item:], src[r*down+c*right:]
				switch item {
				case 8:
					binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from))
				case 4:
					binary.LittleEndian.PutUint32(to, binary.LittleEndian.Uint32(from))
				case 2:
					binary.LittleEndian.PutUint16(to, binary.LittleEndian.Uint16(from))
				default:
					to[0] = from[0]
				}
			}
		}
	}
}
