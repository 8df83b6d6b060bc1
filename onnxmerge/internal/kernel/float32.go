package kernel

import (
	"encoding/binary"
	"math"
)

func decode32(dst []float64, src []byte) {
	for i := widen(dst, src); i < len(dst); i++ {
		dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
	}
}

func encode32(dst []byte, src []float64) bool {
	n, finite := narrow(dst, src)
	if !finite {
		n = 0 // every NaN must become the same one
	}
	for i := n; i < len(src); i++ {
		bits, ok := bits32(src[i])
		finite = finite && ok
		binary.LittleEndian.PutUint32(dst[4*i:], bits)
	}
	return finite
}

func lerp32(dst, a, b []byte, t float64) bool {
	n, finite := lerpWide(dst, a, b, 1-t, t)
	if !finite {
		replaceNaN(dst[:n])
	}
	return blockLerp{bits: 32}.lerp(dst[n:], a[n:], b[n:], t) && finite
}

// replaceNaN makes every stored NaN the same one.
func replaceNaN(stored []byte) {
	for i := 0; i < len(stored); i += 4 {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(stored[i:])); v != v {
			binary.LittleEndian.PutUint32(stored[i:], nan32)
		}
	}
}

func lerpBlock32(dst, a, b []byte, s, t float64) bool {
	if z, ok := float32Block(dst); ok {
		x, okX := float32Block(a)
		y, okY := float32Block(b)
		if okX && okY {
			return lerpFloat32s(z, x, y, s, t)
		}
	}
	d, x, y := (*[blockSize]byte)(dst), (*[blockSize]byte)(a), (*[blockSize]byte)(b)
	finite := true
	for i := 0; i < blockSize; i += 4 {
		p := float64(math.Float32frombits(binary.LittleEndian.Uint32(x[i : i+4])))
		q := float64(math.Float32frombits(binary.LittleEndian.Uint32(y[i : i+4])))
		bits, ok := bits32(float64(s*p) + float64(t*q))
		if !ok {
			finite = false
		}
		binary.LittleEndian.PutUint32(d[i:i+4], bits)
	}
	return finite
}

// nan32 is the NaN that is stored.
const nan32 = 0xff<<23 | 1<<22

// bits32 returns the stored bits of v, and whether they are finite. The conversion to float32 is the one rounding.
func bits32(v float64) (bits uint32, finite bool) {
	const inf = 0xff << 23
	bits = math.Float32bits(float32(v))
	if bits<<1 < inf<<1 {
		return bits, true
	}
	if bits<<1 > inf<<1 {
		bits = nan32
	}
	return bits, false
}
