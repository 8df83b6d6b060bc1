// Package kernel holds the loops over weights: decoding stored numbers to
// float64, mixing, and encoding with one rounding.
//
// Every loop takes its destination first and touches nothing else. Stored numbers
// are little-endian, as ONNX prescribes. float64 holds every float32, float16 and
// bfloat16 exactly, so decoding is exact and a result is rounded once, to nearest,
// ties to even. NaN stays NaN; the bits of a NaN are kept only by copying.
package kernel

import (
	"encoding/binary"
	"math"
)

// Codec converts between stored bytes and float64.
type Codec struct {
	Size   int                             // bytes of one element
	Decode func(dst []float64, src []byte) // len(src) >= Size*len(dst)
	Encode func(dst []byte, src []float64) // len(dst) >= Size*len(src)
}

// The codecs of the floating-point types that ONNX stores in whole bytes.
var (
	Float64  = Codec{8, decode64, encode64}
	Float32  = Codec{4, decode32, encode32}
	Float16  = Codec{2, decode16, encode16}
	BFloat16 = Codec{2, decodeB16, encodeB16}
)

func decode64(dst []float64, src []byte) {
	for i := range dst {
		dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
	}
}

func encode64(dst []byte, src []float64) {
	for i, v := range src {
		binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(v))
	}
}

func decode32(dst []float64, src []byte) {
	src = src[:4*len(dst)]
	for i := range dst {
		dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
	}
}

func encode32(dst []byte, src []float64) {
	dst = dst[:4*len(src)]
	for i, v := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(float32(v)))
	}
}
