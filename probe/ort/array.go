package ort

import (
	"github.com/wiseft/wiseft/probe"

	"fmt"
	"math"
	"runtime"
	"unsafe"

	"github.com/wiseft/wiseft/datasets/typed"
)

// ElementType is the type of an array's elements, with the number of ONNX's TensorProto.DataType.
type ElementType = typed.Type

// The types that a [Program] takes.
const (
	Float32  = typed.Float32
	Uint8    = typed.Uint8
	Int8     = typed.Int8
	Uint16   = typed.Uint16
	Int16    = typed.Int16
	Int32    = typed.Int32
	Int64    = typed.Int64
	String   = typed.String
	Bool     = typed.Bool
	Float16  = typed.Float16
	Float64  = typed.Float64
	Uint32   = typed.Uint32
	Uint64   = typed.Uint64
	BFloat16 = typed.BFloat16
)

// returnable reports whether a pass can return values of the type. onnxruntime_go truncates those of 16 bits; they are
// refused with either binding.
func returnable(t ElementType) bool { return t.Size() > 0 && t != Float16 && t != BFloat16 }

// Array is a dense array of any element type: an input of a [Program].
type Array = typed.Array

// checkArray refuses an array that no pass takes.
func checkArray(a Array) error {
	if err := a.Check(); err != nil {
		return fmt.Errorf("ort: %w", err)
	}
	if len(a.Shape) == 0 && !returnable(a.Type) { // onnxruntime_go has no such scalars
		return fmt.Errorf("ort: a single number of type %s is not supported", a.Type)
	}
	return nil
}

// Source is a model: its bytes, or its path.
type Source = probe.Source

// elements returns the product of shape. onnxruntime_go misses overflow in shapes such as [1<<62 5].
func elements(shape []int64) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d <= 0 || n > math.MaxInt64/d {
			return 0, fmt.Errorf("ort: a batch of shape %v is empty or too large", shape)
		}
		n *= d
	}
	return n, nil
}

// float32Bytes returns the bytes of x, which share its memory.
func float32Bytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// elementsOf returns the elements of an array's bytes, which share their memory.
func elementsOf[T float32 | float64 | integer](data []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/int(unsafe.Sizeof(*new(T))))
}

// pinFor keeps data where it is, as C requires, until it is unpinned or owner is garbage. Memory that is not Go's, such
// as another value's, never moves.
func pinFor[T any](owner *T, data []byte) (pins *runtime.Pinner) {
	pins = new(runtime.Pinner)
	defer func() { _ = recover() }() // Pin panics for memory that is not Go's
	runtime.AddCleanup(owner, (*runtime.Pinner).Unpin, pins)
	pins.Pin(unsafe.SliceData(data))
	return pins
}
