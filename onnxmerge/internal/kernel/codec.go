// Package kernel holds the loops over weights: decoding stored numbers to
// float64, mixing, and encoding with one rounding.
//
// Every loop takes its destination first and touches nothing else. Stored numbers
// are little-endian, as ONNX prescribes. float64 holds every number of every dtype
// exactly, so decoding is exact and a result is rounded once, to nearest, ties to
// even. What is too large becomes infinity, NaN where the dtype has no infinity, and
// the largest number where it has no NaN either (float4e2m1).
//
// Every NaN is encoded as the same one, quiet, without sign or payload: processors
// differ in the NaN that they make, and results must not. The bits of a NaN are kept
// only by copying.
//
// The tables of the types below 32 bits are made at first use: 576 KiB for each
// 16-bit type, 68 KiB for each smaller one.
package kernel

// Codec converts between stored bytes and float64, for one dtype. Its functions may
// be called by several goroutines at once.
type Codec struct {
	// Bits is the size of one element: 64, 32, 16, 8 or 4. Of two 4-bit elements in
	// a byte, the first is in the low half.
	Bits int
	// Decode sets all of dst from the first elements of src.
	Decode func(dst []float64, src []byte)
	// Encode sets the first elements of dst to those of src. An odd number of 4-bit
	// elements leaves the high half of the last byte zero. finite reports whether
	// no result is infinity or NaN; of float4e2m1, which has neither, whether nothing
	// was too large or NaN.
	Encode func(dst []byte, src []float64) (finite bool)
	// Lerp is Decode, [Lerp] and Encode in one pass: all of dst, which is whole
	// elements, is set from the first elements of a and b. dst may be a or b. Of 4-bit
	// elements it sets both in every byte, so after an odd number of them what is
	// mixed into the last half is the caller's to clear.
	Lerp func(dst, a, b []byte, t float64) (finite bool)
}

// SizeBytes returns the bytes of n elements.
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
