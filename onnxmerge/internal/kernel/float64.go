package kernel

import (
	"encoding/binary"
	"math"
)

func decode64(dst []float64, src []byte) {
	for i := range dst {
		dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
	}
}

func encode64(dst []byte, src []float64) bool {
	finite := true
	for i, v := range src {
		bits, ok := bits64(v)
		finite = finite && ok
		binary.LittleEndian.PutUint64(dst[8*i:], bits)
	}
	return finite
}

func lerp64(dst, a, b []byte, t float64) bool { return blockLerp{bits: 64}.lerp(dst, a, b, t) }

func lerpBlock64(dst, a, b []byte, s, t float64) bool {
	d, x, y := (*[blockSize]byte)(dst), (*[blockSize]byte)(a), (*[blockSize]byte)(b)
	finite := true
	for i := 0; i < blockSize; i += 8 {
		p := math.Float64frombits(binary.LittleEndian.Uint64(x[i : i+8]))
		q := math.Float64frombits(binary.LittleEndian.Uint64(y[i : i+8]))
		bits, ok := bits64(float64(s*p) + float64(t*q))
		finite = finite && ok
		binary.LittleEndian.PutUint64(d[i:i+8], bits)
	}
	return finite
}

// bits64 returns the stored bits of v, and whether v is finite.
func bits64(v float64) (bits uint64, finite bool) {
	const inf = 0x7ff << 52
	bits = math.Float64bits(v)
	abs := bits &^ (1 << 63)
	if abs < inf {
		return bits, true
	}
	if abs > inf {
		bits = inf | 1<<51
	}
	return bits, false
}
