//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/wiseft/wiseft/probe"
	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Value is an array that onnxruntime holds: a result of one [Program] that may be an input of another, without being
// copied. Close it.
type Value struct {
	value onnxruntime.Value
	// Type is the type of its elements.
	Type ElementType
	// Shape has no axes for a single number.
	Shape []int64
}

// NewValue returns an array as onnxruntime takes it. The array's data must stay as it is until Close.
func NewValue(a Array) (*Value, error) {
	v, err := newValue(a)
	if err != nil {
		return nil, err
	}
	return &Value{v, a.Type, a.Shape}, nil
}

// SizeBytes returns the memory of the elements.
func (v *Value) SizeBytes() int64 {
	size := v.Type.Size()
	for _, d := range v.Shape {
		size *= d
	}
	return size
}

// Float32s returns the elements of a value of type [Float32]. They are valid until Close.
func (v *Value) Float32s() ([]float32, error) {
	x, ok := v.value.(*onnxruntime.Tensor[float32])
	if !ok {
		return nil, modelErrorf("the output is no float32 tensor")
	}
	return x.GetData(), nil
}

// Int64s returns the elements of a value of type [Int64]. They are valid until Close.
func (v *Value) Int64s() ([]int64, error) {
	x, ok := v.value.(*onnxruntime.Tensor[int64])
	if !ok {
		return nil, modelErrorf("the output is no int64 tensor")
	}
	return x.GetData(), nil
}

// Close releases the value. Closing twice is harmless.
func (v *Value) Close() error {
	if v == nil || v.value == nil {
		return nil
	}
	err := v.value.Destroy()
	v.value = nil
	return err
}

// Compute runs one forward pass like [Program.Run], on values that onnxruntime holds, and returns the outputs as such.
// It supports outputs of type float32, float64, bool, and of integers.
func (p *Program) Compute(ctx context.Context, inputs []*Value) (_ []*Value, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(inputs) != len(p.inputs) {
		return nil, fmt.Errorf("ort: %d inputs, want %d", len(inputs), len(p.inputs))
	}
	values := make([]onnxruntime.Value, len(inputs))
	for i, in := range inputs {
		values[i] = in.value
	}
	defer terminateWith(ctx, p.run)()
	outputs := make([]onnxruntime.Value, p.outputs)
	runtime.Gosched() // see Session.Extract
	err = p.session.RunWithOptions(values, outputs, p.run)
	results := make([]*Value, len(outputs))
	defer func() {
		if err != nil {
			_ = CloseValues(results) // the first error says what is wrong
		}
	}()
	for i, out := range outputs {
		results[i] = held(out)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, modelErrorf("onnxruntime cannot run the model: %s", message(err))
	}
	for i, v := range results {
		if v.Type == 0 {
			return nil, modelErrorf("output %d is no tensor of a supported type", i)
		}
	}
	return results, nil
}

// CloseValues closes all values; those that are nil are ignored.
func CloseValues(values []*Value) error {
	var errs []error
	for _, v := range values {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}

// held returns an output; its Type is 0 if it is not supported. The binding leaves nil tensors after an error, and
// truncates those of 16-bit floating-point types.
func held(out onnxruntime.Value) *Value {
	switch x := out.(type) {
	case *onnxruntime.Tensor[float32]:
		return typed(x, Float32)
	case *onnxruntime.Tensor[float64]:
		return typed(x, Float64)
	case *onnxruntime.Tensor[bool]:
		return typed(x, Bool)
	case *onnxruntime.Tensor[uint8]:
		return typed(x, Uint8)
	case *onnxruntime.Tensor[int8]:
		return typed(x, Int8)
	case *onnxruntime.Tensor[uint16]:
		return typed(x, Uint16)
	case *onnxruntime.Tensor[int16]:
		return typed(x, Int16)
	case *onnxruntime.Tensor[int32]:
		return typed(x, Int32)
	case *onnxruntime.Tensor[int64]:
		return typed(x, Int64)
	case *onnxruntime.Tensor[uint32]:
		return typed(x, Uint32)
	case *onnxruntime.Tensor[uint64]:
		return typed(x, Uint64)
	}
	return &Value{value: out}
}

func typed[T onnxruntime.TensorData](x *onnxruntime.Tensor[T], t ElementType) *Value {
	if x == nil {
		return &Value{}
	}
	return &Value{x, t, x.GetShape()}
}

// batch copies a value of type float32.
func (v *Value) batch() (probe.Batch, error) {
	x, err := v.Float32s()
	return probe.Batch{X: append([]float32(nil), x...), Shape: v.Shape}, err
}
