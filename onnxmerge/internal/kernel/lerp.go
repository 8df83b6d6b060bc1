package kernel

// Lerp sets dst[i] = (1-t)*a[i] + t*b[i]. dst may be a or b. Products are rounded to float64 before they are added on
// every architecture: the explicit conversions prevent fused multiply-add, which would make results differ between
// machines.
func Lerp(dst, a, b []float64, t float64) {
	s := 1 - t
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = float64(s*a[i]) + float64(t*b[i])
	}
}

// blockSize is the number of bytes of one block. A constant length avoids bounds checks, and a function for one block
// keeps the registers for its loop.
const blockSize = 1024

// blockLerp selects the block function of a codec by its bits and tables. A function value would move the padded
// block to the heap.
type blockLerp struct {
	bits  int
	half  *half
	small *small
}

// block sets the first blockSize bytes of dst to s times those of a plus t times those of b. It returns false if a
// result is not finite; for 16 bits, if a result is in the largest binade or beyond.
func (m blockLerp) block(dst, a, b []byte, s, t float64) bool {
	switch m.bits {
	case 64:
		return lerpBlock64(dst, a, b, s, t)
	case 32:
		return lerpBlock32(dst, a, b, s, t)
	case 16:
		return m.half.lerpBlock(dst, a, b, s, t)
	case 8:
		return m.small.lerpBlock8(dst, a, b, s, t)
	}
	return m.small.lerpBlock4(dst, a, b, s, t)
}

// lerp processes all of dst in blocks, the remainder in a padded one, and reports whether block returned true every
// time. The padding is zeros, whose results are finite for every finite t.
func (m blockLerp) lerp(dst, a, b []byte, t float64) bool {
	a, b = a[:len(dst)], b[:len(dst)]
	s := 1 - t
	ok := true
	for len(dst) >= blockSize {
		ok = m.block(dst, a, b, s, t) && ok
		dst, a, b = dst[blockSize:], a[blockSize:], b[blockSize:]
	}
	if len(dst) > 0 {
		var x, y [blockSize]byte
		copy(x[:], a)
		copy(y[:], b)
		ok = m.block(x[:], x[:], y[:], s, t) && ok
		copy(dst, x[:])
	}
	return ok
}
