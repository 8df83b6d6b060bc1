package ort

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// ElementType is the type of an array's elements, with the number of ONNX's TensorProto.DataType.
type ElementType int32

// The types that a [Program] takes.
const (
	Float32  ElementType = 1
	Uint8    ElementType = 2
	Int8     ElementType = 3
	Uint16   ElementType = 4
	Int16    ElementType = 5
	Int32    ElementType = 6
	Int64    ElementType = 7
	Bool     ElementType = 9
	Float16  ElementType = 10
	Float64  ElementType = 11
	Uint32   ElementType = 12
	Uint64   ElementType = 13
	BFloat16 ElementType = 16
)

// elementTypes are the names of element types, and the bytes of an element if a [Program] takes the type.
var elementTypes = map[ElementType]struct {
	name  string
	bytes int64
}{
	0: {"no tensor", 0}, Float32: {"float32", 4}, Uint8: {"uint8", 1}, Int8: {"int8", 1}, Uint16: {"uint16", 2},
	Int16: {"int16", 2}, Int32: {"int32", 4}, Int64: {"int64", 8}, 8: {"string", 0}, Bool: {"bool", 1},
	Float16: {"float16", 2}, Float64: {"float64", 8}, Uint32: {"uint32", 4}, Uint64: {"uint64", 8},
	14: {"complex64", 0}, 15: {"complex128", 0}, BFloat16: {"bfloat16", 2}}

// Size returns the bytes of one element; 0 for a type that a [Program] does not take.
func (t ElementType) Size() int64 { return elementTypes[t].bytes }

// String returns the name of the type, such as "float32".
func (t ElementType) String() string {
	if known, ok := elementTypes[t]; ok {
		return known.name
	}
	return fmt.Sprintf("element type %d", int32(t))
}

// returnable reports whether a pass can return values of the type. onnxruntime_go truncates those of 16 bits; they are
// refused with either binding.
func (t ElementType) returnable() bool { return t.Size() > 0 && t != Float16 && t != BFloat16 }

// Array is a dense array of any element type: an input of a [Program].
type Array struct {
	Type  ElementType
	Shape []int64 // empty for a single number
	Data  []byte  // row-major, little-endian
}

// check refuses an array whose data has another size than its shape.
func (a Array) check() error {
	size := a.Type.Size()
	if size == 0 {
		return fmt.Errorf("ort: an array of type %s is not supported", a.Type)
	}
	if len(a.Shape) == 0 && !a.Type.returnable() { // onnxruntime_go has no such scalars
		return fmt.Errorf("ort: a single number of type %s is not supported", a.Type)
	}
	n, err := elements(a.Shape)
	if err != nil {
		return err
	}
	if got := int64(len(a.Data)); got%size != 0 || got/size != n {
		return fmt.Errorf("ort: an array of shape %v has %d bytes, want %d of %d each", a.Shape, got, n, size)
	}
	return nil
}

// Source is a model: the bytes of an ONNX file, or its path. A model with data files needs a path.
type Source struct {
	Bytes []byte
	Path  string // used if Bytes is nil
}

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
