package ort

import (
	"errors"
	"slices"
)

// convertible are the types of outputs that become float32. Not all bindings return those of 16-bit floating-point
// types.
var convertible = []ElementType{Float32, Float64, Bool, Int8, Uint8, Int16, Uint16, Int32, Uint32, Int64, Uint64}

// ErrHalf is an output of 16-bit floating-point numbers, which no pass returns. [Engine.Open] wraps it.
var ErrHalf = errors.New("16-bit floating-point numbers are not returned")

// checkOutput refuses an output that does not become float32.
func checkOutput(o declared) error {
	if o.dtype == 0 {
		return modelErrorf("output %q is no tensor", o.name)
	}
	if o.dtype == Float16 || o.dtype == BFloat16 {
		return modelErrorf("output %q is %s: %w", o.name, o.dtype, ErrHalf)
	}
	if !slices.Contains(convertible, o.dtype) {
		return modelErrorf("output %q is %s; float32, float64, integers and bool are supported", o.name, o.dtype)
	}
	return nil
}

// appendConverted appends the elements of an output as float32: float64 rounded, integers where float32 holds them.
func appendConverted(dst []float32, v tensor, name string) ([]float32, error) {
	switch raw := v.bytes(); v.elementType() {
	case Float64:
		for _, value := range elementsOf[float64](raw) {
			dst = append(dst, float32(value))
		}
		return dst, nil
	case Bool:
		return appendIntegers(dst, elementsOf[uint8](raw), name)
	case Int8:
		return appendIntegers(dst, elementsOf[int8](raw), name)
	case Uint8:
		return appendIntegers(dst, elementsOf[uint8](raw), name)
	case Int16:
		return appendIntegers(dst, elementsOf[int16](raw), name)
	case Uint16:
		return appendIntegers(dst, elementsOf[uint16](raw), name)
	case Int32:
		return appendIntegers(dst, elementsOf[int32](raw), name)
	case Uint32:
		return appendIntegers(dst, elementsOf[uint32](raw), name)
	case Int64:
		return appendIntegers(dst, elementsOf[int64](raw), name)
	case Uint64:
		return appendIntegers(dst, elementsOf[uint64](raw), name)
	}
	return dst, modelErrorf("output %q is no tensor of a supported type", name)
}

// maxInteger bounds integers that are converted back for comparison, which must not overflow.
const maxInteger = 1 << 62

type integer interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64
}

func appendIntegers[T integer](dst []float32, values []T, name string) ([]float32, error) {
	for _, v := range values {
		f := float32(v)
		if f >= maxInteger || f <= -maxInteger || T(f) != v {
			return dst, modelErrorf("output %q has the value %d, which float32 does not hold exactly", name, v)
		}
		dst = append(dst, f)
	}
	return dst, nil
}
