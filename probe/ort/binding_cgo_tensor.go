//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// tensorCgo implements tensor.
type tensorCgo struct {
	value onnxruntime.Value
	dtype ElementType
	data  []byte
	pins  *runtime.Pinner // of data, if it was given
}

func (t *tensorCgo) elementType() ElementType { return t.dtype }
func (t *tensorCgo) dims() []int64            { return t.value.GetShape() }

// bytes reads a single number anew, of which onnxruntime_go gives copies alone: a pass may have written it.
func (t *tensorCgo) bytes() []byte {
	if goType, ok := goTypes[t.dtype]; ok && len(t.dims()) == 0 {
		if data, ok := goType.bytes(t.value); ok {
			return data
		}
	}
	return t.data
}

func (t *tensorCgo) close() error {
	t.data = nil
	err := t.value.Destroy()
	if t.pins != nil {
		t.pins.Unpin()
	}
	return err
}

func (bindingCgo) tensor(a Array) (tensor, error) {
	t := &tensorCgo{dtype: a.Type, data: a.Data}
	var err error
	switch {
	case len(a.Shape) == 0:
		t.value, err = scalar(a)
	case a.Type == String:
		t.value, err = texts(a)
	case len(a.Data) == 0:
		t.value, err = empty(a)
	default:
		t.pins = pinFor(t, a.Data)
		t.value, err = onnxruntime.NewCustomDataTensor(a.Shape, a.Data, onnxruntime.TensorElementDataType(a.Type))
	}
	if err != nil {
		return nil, innermost(err)
	}
	return t, nil
}

// texts returns a tensor of text, which onnxruntime copies.
func texts(a Array) (onnxruntime.Value, error) {
	for _, text := range a.Text {
		if strings.IndexByte(text, 0) >= 0 {
			return nil, fmt.Errorf("%q contains a zero byte", text)
		}
	}
	v, err := onnxruntime.NewStringTensor(a.Shape)
	if err == nil {
		if err = v.SetContents(a.Text); err != nil {
			err = errors.Join(err, v.Destroy())
		}
	}
	return v, err
}

// goType makes values of an element type that onnxruntime_go knows, and reads them.
type goType struct {
	empty  func(onnxruntime.Shape) (onnxruntime.Value, error)
	scalar func(raw []byte) (onnxruntime.Value, error)
	bytes  func(onnxruntime.Value) ([]byte, bool)
}

// goTypes are those whose outputs onnxruntime_go returns.
var goTypes = map[ElementType]goType{
	Float32: goTypeOf[float32](), Float64: goTypeOf[float64](), Bool: goTypeOf[bool](),
	Int8: goTypeOf[int8](), Int16: goTypeOf[int16](), Int32: goTypeOf[int32](), Int64: goTypeOf[int64](),
	Uint8: goTypeOf[uint8](), Uint16: goTypeOf[uint16](), Uint32: goTypeOf[uint32](), Uint64: goTypeOf[uint64](),
}

func goTypeOf[T onnxruntime.TensorData]() goType {
	return goType{
		empty: func(s onnxruntime.Shape) (onnxruntime.Value, error) { return onnxruntime.NewTensor(s, []T{}) },
		scalar: func(raw []byte) (onnxruntime.Value, error) {
			one := make([]T, 1)
			copy(bytesOf(one), raw)
			return onnxruntime.NewScalar(one[0])
		},
		bytes: func(v onnxruntime.Value) ([]byte, bool) {
			switch x := v.(type) {
			case *onnxruntime.Tensor[T]:
				return bytesOf(x.GetData()), true
			case *onnxruntime.Scalar[T]:
				return bytesOf([]T{x.GetData()}), true
			}
			return nil, false
		},
	}
}

func bytesOf[T any](data []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data))*unsafe.Sizeof(*new(T)))
}

// empty returns a tensor without elements, which onnxruntime_go makes of its own types alone.
func empty(a Array) (onnxruntime.Value, error) {
	if t, ok := goTypes[a.Type]; ok {
		return t.empty(a.Shape)
	}
	// The shape has no elements, so that the byte is not read.
	return onnxruntime.NewCustomDataTensor(a.Shape, []byte{0}, onnxruntime.TensorElementDataType(a.Type))
}

// scalar returns a single number, for which onnxruntime_go has types of their own.
func scalar(a Array) (onnxruntime.Value, error) {
	t, ok := goTypes[a.Type]
	if !ok {
		return nil, fmt.Errorf("a single number of type %s is not supported", a.Type)
	}
	raw := a.Data
	if a.Type == Bool && raw[0] != 0 {
		raw = []byte{1}
	}
	return t.scalar(raw)
}

// returned returns an output of a pass, which onnxruntime_go has copied into Go's memory.
func returned(v onnxruntime.Value) tensor {
	dtype := ElementType(v.DataType())
	if t, ok := goTypes[dtype]; ok {
		if data, ok := t.bytes(v); ok {
			return &tensorCgo{value: v, dtype: dtype, data: data}
		}
	}
	return &tensorCgo{value: v}
}
