package onnx

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
)

// DType is an ONNX element type with the number of TensorProto.DataType.
type DType int32

// The element types of ONNX 1.20.
const (
	DTypeUndefined DType = iota
	Float32
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Float64
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0 // powers of two: the scales of block formats
	Uint2
	Int2
)

// dtypes lists each type's name, which is ONNX's in lower case, and the bits of one element, 0 if it has no fixed
// size.
var dtypes = [...]struct {
	name string
	bits int64
}{
	{"undefined", 0}, {"float32", 32}, {"uint8", 8}, {"int8", 8}, {"uint16", 16}, {"int16", 16},
	{"int32", 32}, {"int64", 64}, {"string", 0}, {"bool", 8}, {"float16", 16}, {"float64", 64},
	{"uint32", 32}, {"uint64", 64}, {"complex64", 64}, {"complex128", 128}, {"bfloat16", 16},
	{"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8}, {"float8e5m2fnuz", 8},
	{"uint4", 4}, {"int4", 4}, {"float4e2m1", 4},
	{"float8e8m0", 8}, {"uint2", 2}, {"int2", 2},
}

// String returns the name of d, "dtype 99" for an unknown number.
func (d DType) String() string {
	if d < 0 || int(d) >= len(dtypes) {
		return fmt.Sprintf("dtype %d", int32(d))
	}
	return dtypes[d].name
}

// MarshalText returns the name of d, which JSON documents have.
func (d DType) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Bits returns the bits of one element, 0 if it has no fixed size.
func (d DType) Bits() int { return int(d.bits()) }

// bits is Bits as int64.
func (d DType) bits() int64 {
	if d < 0 || int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].bits
}

// IsFloat reports whether d is a floating-point type.
func (d DType) IsFloat() bool {
	switch d {
	case Float32, Float64, Float16, BFloat16,
		Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1:
		return true
	}
	return false
}

// codecs lists the conversions of the floating-point types.
var codecs = map[DType]kernel.Codec{
	Float64: kernel.Float64, Float32: kernel.Float32, Float16: kernel.Float16, BFloat16: kernel.BFloat16,
	Float8E4M3FN: kernel.Float8E4M3FN, Float8E4M3FNUZ: kernel.Float8E4M3FNUZ,
	Float8E5M2: kernel.Float8E5M2, Float8E5M2FNUZ: kernel.Float8E5M2FNUZ, Float4E2M1: kernel.Float4E2M1,
}

// Codec returns the conversion between stored elements and float64, and whether d has one.
func (d DType) Codec() (kernel.Codec, bool) {
	c, ok := codecs[d]
	return c, ok
}
