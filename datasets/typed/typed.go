// Package typed has dense arrays of the element types of ONNX, and converts them into other types without loss.
//
// A model's inputs have types; arrays of a file have others. An array becomes the input's type where every value is the
// same in it: whole floating-point numbers in range become integers, integers that a floating-point type holds become
// that. The exception are floating-point types among each other, whose values are rounded to the nearest, as NumPy's
// astype does: a float16 model would else take no picture. A value that does not fit is a [ValueError] with its place.
package typed

import (
	"fmt"
	"math"
)

// Type is the type of an array's elements, with the number of ONNX's TensorProto.DataType.
type Type int32

// The element types.
const (
	Undefined Type = 0
	Float32   Type = 1
	Uint8     Type = 2
	Int8      Type = 3
	Uint16    Type = 4
	Int16     Type = 5
	Int32     Type = 6
	Int64     Type = 7
	String    Type = 8
	Bool      Type = 9
	Float16   Type = 10
	Float64   Type = 11
	Uint32    Type = 12
	Uint64    Type = 13
	BFloat16  Type = 16
)

// types are the names of element types, and the bytes of an element where arrays of the type are supported.
var types = map[Type]struct {
	name  string
	bytes int64
}{
	Undefined: {"no tensor", 0}, Float32: {"float32", 4}, Uint8: {"uint8", 1}, Int8: {"int8", 1}, Uint16: {"uint16", 2},
	Int16: {"int16", 2}, Int32: {"int32", 4}, Int64: {"int64", 8}, String: {"string", 0}, Bool: {"bool", 1},
	Float16: {"float16", 2}, Float64: {"float64", 8}, Uint32: {"uint32", 4}, Uint64: {"uint64", 8},
	14: {"complex64", 0}, 15: {"complex128", 0}, BFloat16: {"bfloat16", 2},
}

// Size returns the bytes of one element; 0 for text, and for types without arrays.
func (t Type) Size() int64 { return types[t].bytes }

// IsFloat reports whether t is a floating-point type.
func (t Type) IsFloat() bool { return t == Float32 || t == Float16 || t == Float64 || t == BFloat16 }

// Holds reports whether an [Array] can have elements of the type.
func (t Type) Holds() bool { return t == String || t.Size() > 0 }

// String returns the name of the type, such as "float32".
func (t Type) String() string {
	if known, ok := types[t]; ok {
		return known.name
	}
	return fmt.Sprintf("element type %d", int32(t))
}

// Array is a dense array.
type Array struct {
	Type  Type
	Shape []int64  // empty for a single number
	Data  []byte   // row-major, little-endian; nil for text
	Text  []string // row-major, for the type String alone
}

// Len returns the number of elements that Data or Text has.
func (a Array) Len() int {
	if size := a.Type.Size(); size > 0 {
		return len(a.Data) / int(size)
	}
	return len(a.Text)
}

// Check refuses an array with another number of elements than its shape, or of a type that arrays do not have.
func (a Array) Check() error {
	if !a.Type.Holds() {
		return fmt.Errorf("an array of type %s is not supported", a.Type)
	}
	n, err := Elements(a.Shape)
	if err != nil {
		return err
	}
	if a.Type == String {
		if int64(len(a.Text)) != n {
			return fmt.Errorf("an array of shape %v has %d texts", a.Shape, len(a.Text))
		}
		return nil
	}
	if size := a.Type.Size(); int64(len(a.Data))%size != 0 || int64(len(a.Data))/size != n {
		return fmt.Errorf("an array of shape %v has %d bytes, want %d of %d each", a.Shape, len(a.Data), n, size)
	}
	return nil
}

// Elements returns the product of a shape, which may be 0. A negative length and an overflow are errors.
func Elements(shape []int64) (int64, error) {
	n, empty := int64(1), false
	for _, d := range shape {
		switch {
		case d < 0 || d > 0 && n > math.MaxInt64/d:
			return 0, fmt.Errorf("shape %v is negative or too large", shape)
		case d == 0:
			empty = true
		default:
			n *= d
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}
