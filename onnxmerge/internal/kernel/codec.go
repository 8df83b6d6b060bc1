// Package kernel contains the loops over weights: decoding stored elements to float64, linear interpolation, and
// encoding with one rounding.
//
// Every loop takes its destination first and writes nothing else. Stored elements are little-endian, as ONNX
// prescribes. float64 represents every value of every dtype exactly, so that decoding is exact and a result is
// rounded once, to nearest, ties to even. Values that are too large become infinity; NaN where the dtype has no
// infinity; the largest value where it has no NaN either (float4e2m1).
//
// Every NaN is encoded as the same quiet NaN, without sign or payload: processors differ in the NaN that they
// produce, and results must not. The bits of a NaN are preserved only by copying.
//
// The tables of the types below 32 bits are made at first use: 576 KiB for each 16-bit type, 68 KiB for each smaller
// one.
//
// # Assembly and unsafe code
//
// Decoding and encoding of float32 are a few lines of SSE2, which every amd64 processor has, so that nothing is
// detected at run time: decoding takes 0.12 ns an element instead of 0.30, encoding 0.23 instead of 0.46. Without it
// they take a third of a merge by any method other than linear.
//
// Interpolation of float32 uses AVX where the processor has it: 0.3 ns an element, with loads from the second-level
// cache, instead of 1.2. Elsewhere it reads stored bytes as float32 in place (unsafe.go).
package kernel

// Codec converts between stored elements of one dtype and float64. Its functions are safe for concurrent use.
type Codec struct {
	// Bits is the size of one element: 64, 32, 16, 8 or 4. The first of two 4-bit elements in a byte is in the low
	// half.
	Bits int
	// Decode sets all of dst from the first elements of src.
	Decode func(dst []float64, src []byte)
	// Encode sets the first elements of dst to those of src. After an odd number of 4-bit elements the high half of
	// the last byte is zero. finite reports whether no result is infinite or NaN; for float4e2m1, which has neither,
	// whether no source is too large or NaN.
	Encode func(dst []byte, src []float64) (finite bool)
	// Lerp is Decode, [Lerp] and Encode in one pass: it sets all of dst, which is whole elements, from the first
	// elements of a and b. dst may be a or b. It sets both 4-bit elements of every byte, so that after an odd number
	// of elements the caller must clear the last half byte.
	Lerp func(dst, a, b []byte, t float64) (finite bool)
}

// SizeBytes returns the size of n elements in bytes.
func (c Codec) SizeBytes(n int) int { return (n*c.Bits + 7) / 8 }

// The codecs of all floating-point types of ONNX.
var (
	Float64        = Codec{64, decode64, encode64, lerp64}
	Float32        = Codec{32, decode32, encode32, lerp32}
	Float16        = newHalf(float16)
	BFloat16       = newHalf(bfloat16)
	Float8E4M3FN   = newFloat8(float8E4M3FN)
	Float8E4M3FNUZ = newFloat8(float8E4M3FNUZ)
	Float8E5M2     = newFloat8(float8E5M2)
	Float8E5M2FNUZ = newFloat8(float8E5M2FNUZ)
	Float4E2M1     = newFloat4(float4E2M1)
)
