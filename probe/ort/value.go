package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/wiseft/wiseft/probe"
)

// Value is an array that onnxruntime holds: a result of one [Program] that may be an input of another, without being
// copied. Close it.
type Value struct {
	tensor tensor // nil after Close
	// Type is the type of its elements.
	Type ElementType
	// Shape has no axes for a single number.
	Shape []int64
}

// NewValue returns an array as onnxruntime takes it. The array's data must stay as it is until Close. Load must have
// succeeded before.
func NewValue(a Array) (*Value, error) {
	b, _, err := current()
	if err != nil {
		return nil, err
	}
	return newValue(b, a)
}

func newValue(b binding, a Array) (*Value, error) {
	if err := checkArray(a); err != nil {
		return nil, err
	}
	t, err := b.tensor(a)
	if err != nil {
		return nil, err
	}
	return &Value{t, a.Type, a.Shape}, nil
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
func (v *Value) Float32s() ([]float32, error) { return held[float32](v, Float32) }

// Int64s returns the elements of a value of type [Int64]. They are valid until Close.
func (v *Value) Int64s() ([]int64, error) { return held[int64](v, Int64) }

func held[T float32 | int64](v *Value, want ElementType) ([]T, error) {
	if v.tensor == nil {
		return nil, errValueClosed
	}
	if v.Type != want {
		return nil, modelErrorf("the output is no %s tensor", want)
	}
	return elementsOf[T](v.tensor.bytes()), nil
}

// errValueClosed reports the use of a value after its Close.
var errValueClosed = errors.New("ort: the value is closed")

// Close releases the value. Closing twice is harmless.
func (v *Value) Close() error {
	if v == nil || v.tensor == nil {
		return nil
	}
	err := v.tensor.close()
	v.tensor = nil
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
	if p.runner == nil {
		return nil, errClosed
	}
	values := make([]tensor, len(inputs))
	for i, in := range inputs {
		if in == nil || in.tensor == nil {
			return nil, fmt.Errorf("input %q: %w", p.inputs[i], errValueClosed)
		}
		values[i] = in.tensor
	}
	defer terminateWith(ctx, p.runner)()
	outputs := make([]tensor, p.outputs)
	runtime.Gosched() // see Session.Extract
	err = p.runner.run(values, outputs)
	if err != nil && ctx.Err() == nil {
		return nil, modelErrorf("onnxruntime cannot run the model: %s", message(err))
	}
	results := make([]*Value, len(outputs))
	for i, t := range outputs {
		if t != nil {
			results[i] = &Value{t, t.elementType(), t.dims()}
		}
	}
	defer func() {
		if err != nil {
			_ = CloseValues(results) // the first error says what is wrong
		}
	}()
	if err = ctx.Err(); err != nil {
		return nil, err
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

// batch copies a value of type float32.
func (v *Value) batch() (probe.Batch, error) {
	x, err := v.Float32s()
	return probe.Batch{X: append([]float32(nil), x...), Shape: v.Shape}, err
}
