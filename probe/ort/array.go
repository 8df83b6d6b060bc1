package ort

import (
	"fmt"
	"math"
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

// elementBytes are the sizes of elements.
var elementBytes = map[ElementType]int64{
	Float32: 4, Uint8: 1, Int8: 1, Uint16: 2, Int16: 2, Int32: 4, Int64: 8, Bool: 1,
	Float16: 2, Float64: 8, Uint32: 4, Uint64: 8, BFloat16: 2}

// Size returns the bytes of one element; 0 for a type that a [Program] does not take.
func (t ElementType) Size() int64 { return elementBytes[t] }

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
		return fmt.Errorf("ort: an array of element type %d; it is not supported", a.Type)
	}
	n, err := elements(a.Shape)
	if err != nil {
		return err
	}
	if n*size != int64(len(a.Data)) {
		return fmt.Errorf("ort: an array of shape %v has %d bytes, want %d", a.Shape, len(a.Data), n*size)
	}
	return nil
}

// Source is a model: the bytes of an ONNX file, or its path. A model with data files needs a path.
type Source struct {
	Bytes []byte
	Path  string // used if Bytes is nil
}

// elements returns the product of shape. The binding's own check misses overflow in
// shapes such as [1<<62 5].
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
