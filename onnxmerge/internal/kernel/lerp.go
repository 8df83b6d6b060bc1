package kernel

// Lerp sets dst[i] = (1-t)*a[i] + t*b[i]. dst may be a or b. The products are
// rounded to float64 before they are added on every architecture: the explicit
// conversions keep compilers from fusing them into one operation, which would make
// results differ between machines.
func Lerp(dst, a, b []float64, t float64) {
	s := 1 - t
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = float64(s*a[i]) + float64(t*b[i])
	}
}

// blockSize is the bytes that a mix function sets at a time. A constant length needs
// no bounds checks, and a function for one block leaves the registers to its loop.
const blockSize = 1024

// mixer names the mix function of a codec: by bits, with the tables that it uses. A
// function value instead would move the padded block to the heap.
type mixer struct {
	bits  int
	half  *half
	small *small
}

// mix sets the first blockSize bytes of dst to s times those of a plus t times those
// of b. Its result is false if one of them is not finite; for 16 bits, if one is in
// the largest binade or beyond.
func (m mixer) mix(dst, a, b []byte, s, t float64) bool {
	switch m.bits {
	case 64:
		return mix64(dst, a, b, s, t)
	case 32:
		return mix32(dst, a, b, s, t)
	case 16:
		return m.half.mix(dst, a, b, s, t)
	case 8:
		return m.small.mix8(dst, a, b, s, t)
	}
	return m.small.mix4(dst, a, b, s, t)
}

// lerp mixes all of dst by blocks, with what remains in one that is padded, and
// reports whether mix did every time. Padding is zeros: these are finite for every t
// that is.
func (m mixer) lerp(dst, a, b []byte, t float64) bool {
	a, b = a[:len(dst)], b[:len(dst)]
	s := 1 - t
	ok := true
	for len(dst) >= blockSize {
		ok = m.mix(dst, a, b, s, t) && ok
		dst, a, b = dst[blockSize:], a[blockSize:], b[blockSize:]
	}
	if len(dst) > 0 {
		var x, y [blockSize]byte
		copy(x[:], a)
		copy(y[:], b)
		ok = m.mix(x[:], x[:], y[:], s, t) && ok
		copy(dst, x[:])
	}
	return ok
}
