package kernel

import (
	"encoding/binary"
	"sync"
)

// half is a 16-bit format with infinities.
type half struct {
	format  format
	values  [1 << 16]float64
	encoder encoder
}

func newHalf(f format) Codec {
	load := sync.OnceValue(func() *half {
		h := &half{format: f}
		for i := range h.values {
			h.values[i] = f.value(uint64(i))
		}
		h.encoder.fill(f, halfSign)
		return h
	})
	return Codec{
		Bits:   16,
		Decode: func(dst []float64, src []byte) { load().decode(dst, src) },
		Encode: func(dst []byte, src []float64) bool { return load().encode(dst, src) },
		Lerp: func(dst, a, b []byte, t float64) bool {
			h := load()
			return blockLerp{bits: 16, half: h}.lerp(dst, a, b, t) || h.finite(dst)
		},
	}
}

// halfSign is the encoder's sign bit, which is the stored one.
const halfSign = 1 << 15

func (h *half) decode(dst []float64, src []byte) {
	for i := range dst {
		dst[i] = h.values[binary.LittleEndian.Uint16(src[2*i:])]
	}
}

func (h *half) encode(dst []byte, src []float64) bool {
	dst = dst[:2*len(src)]
	e, nan := &h.encoder, h.format.nan
	seen := uint64(0)
	for i, v := range src {
		bits := e.add(v)
		seen |= bits
		if bits >= 4*halfSign {
			bits = nan
		}
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(bits))
	}
	return seen < 2*halfSign || h.finite(dst)
}

func (h *half) lerpBlock(dst, a, b []byte, s, t float64) bool {
	d, x, y := (*[blockSize]byte)(dst), (*[blockSize]byte)(a), (*[blockSize]byte)(b)
	values, e, nan := &h.values, &h.encoder, h.format.nan
	seen := uint64(0)
	for i := 0; i < blockSize; i += 2 {
		p := values[binary.LittleEndian.Uint16(x[i:i+2])]
		q := values[binary.LittleEndian.Uint16(y[i:i+2])]
		bits := e.add(float64(s*p) + float64(t*q))
		seen |= bits
		if bits >= 4*halfSign { // a conditional move, so that NaN costs no more than a number
			bits = nan
		}
		binary.LittleEndian.PutUint16(d[i:i+2], uint16(bits))
	}
	return seen < 2*halfSign
}

// finite reports whether all stored elements are finite. It is called only if one may be near the largest value.
func (h *half) finite(stored []byte) bool {
	for i := 0; i < len(stored); i += 2 {
		if uint64(binary.LittleEndian.Uint16(stored[i:]))&^halfSign > h.format.top {
			return false
		}
	}
	return true
}
