//go:build (darwin || linux || windows) && (amd64 || arm64)

package ort

import (
	"runtime"
	"unsafe"
)

// tensorPurego implements tensor. Outputs stay in the memory where onnxruntime has written them.
type tensorPurego struct {
	*bindingPurego
	value uintptr // OrtValue
	dtype ElementType
	shape []int64
	data  []byte          // Go's memory or onnxruntime's
	pins  *runtime.Pinner // of data, if it was given
}

func (t *tensorPurego) elementType() ElementType { return t.dtype }
func (t *tensorPurego) dims() []int64            { return t.shape }
func (t *tensorPurego) bytes() []byte            { return t.data }

func (t *tensorPurego) close() error {
	t.data = nil
	t.release(apiReleaseValue, t.value)
	t.value = 0
	if t.pins != nil {
		t.pins.Unpin()
	}
	return nil
}

func (b *bindingPurego) tensor(a Array) (tensor, error) {
	t := &tensorPurego{bindingPurego: b, dtype: a.Type, shape: a.Shape, data: a.Data}
	if a.Type == String {
		if err := t.fill(a); err != nil {
			_ = t.close() // it never fails
			return nil, err
		}
		return t, nil
	}
	t.pins = pinFor(t, a.Data)
	err := b.call(apiCreateTensorWithDataAsOrtValue, b.memory,
		uintptr(unsafe.Pointer(unsafe.SliceData(a.Data))), uintptr(len(a.Data)),
		uintptr(unsafe.Pointer(unsafe.SliceData(a.Shape))), uintptr(len(a.Shape)), uintptr(a.Type),
		uintptr(unsafe.Pointer(&t.value)))
	if err != nil {
		_ = t.close() // it never fails
		return nil, err
	}
	return t, nil
}

// fill makes a tensor of text, which onnxruntime copies.
func (t *tensorPurego) fill(a Array) error {
	err := t.call(apiCreateTensorAsOrtValue, t.allocator, uintptr(unsafe.Pointer(unsafe.SliceData(a.Shape))),
		uintptr(len(a.Shape)), uintptr(a.Type), uintptr(unsafe.Pointer(&t.value)))
	if err != nil || len(a.Text) == 0 {
		return err
	}
	copies, err := t.strings(a.Text)
	defer t.freeStrings(copies)
	if err != nil {
		return err
	}
	return t.call(apiFillStringTensor, t.value, uintptr(unsafe.Pointer(&copies[0])), uintptr(len(copies)))
}

// returned returns an output of a pass, which belongs to the tensor also with an error.
func (b *bindingPurego) returned(value uintptr) (tensor, error) {
	t := &tensorPurego{bindingPurego: b, value: value}
	if value == 0 { // an optional output that is not there
		return t, nil
	}
	const isTensor = 1 // ONNX_TYPE_TENSOR
	var kind int32
	if err := b.call(apiGetValueType, value, uintptr(unsafe.Pointer(&kind))); err != nil || kind != isTensor {
		return t, err
	}
	var info uintptr
	if err := b.call(apiGetTensorTypeAndShape, value, uintptr(unsafe.Pointer(&info))); err != nil {
		return t, err
	}
	dtype, shape, err := b.typeAndShape(info)
	b.release(apiReleaseTensorTypeAndShapeInfo, info)
	if err != nil || !returnable(dtype) {
		return t, err
	}
	var data uintptr
	if err := b.call(apiGetTensorMutableData, value, uintptr(unsafe.Pointer(&data))); err != nil {
		return t, err
	}
	size := dtype.Size()
	for _, d := range shape {
		size *= d
	}
	t.dtype, t.shape = dtype, shape
	if size > 0 {
		t.data = unsafe.Slice((*byte)(pointer(data)), size)
	}
	return t, nil
}
