//go:build cgo

package ort

import (
	"slices"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// convertible are the types of outputs that become float32. The binding truncates those of 16-bit floating-point types.
var convertible = []onnxruntime.TensorElementDataType{
	onnxruntime.TensorElementDataTypeFloat, onnxruntime.TensorElementDataTypeDouble,
	onnxruntime.TensorElementDataTypeBool,
	onnxruntime.TensorElementDataTypeInt8, onnxruntime.TensorElementDataTypeUint8,
	onnxruntime.TensorElementDataTypeInt16, onnxruntime.TensorElementDataTypeUint16,
	onnxruntime.TensorElementDataTypeInt32, onnxruntime.TensorElementDataTypeUint32,
	onnxruntime.TensorElementDataTypeInt64, onnxruntime.TensorElementDataTypeUint64,
}

// checkOutput refuses an output that does not become float32.
func checkOutput(o onnxruntime.InputOutputInfo) error {
	if o.OrtValueType != onnxruntime.ONNXTypeTensor {
		return modelErrorf("output %q is no tensor, but %s", o.Name, o.OrtValueType)
	}
	if !slices.Contains(convertible, o.DataType) {
		return modelErrorf("output %q is %s; float32, float64, integers and bool are supported", o.Name, dtype(o.DataType))
	}
	return nil
}

// appendConverted appends the elements of an output as float32: float64 rounded, integers where float32 holds them.
func appendConverted(dst []float32, v onnxruntime.Value, name string) ([]float32, error) {
	switch x := v.(type) {
	case *onnxruntime.Tensor[float64]:
		for _, value := range x.GetData() {
			dst = append(dst, float32(value))
		}
		return dst, nil
	case *onnxruntime.Tensor[bool]:
		for _, value := range x.GetData() {
			one := float32(0)
			if value {
				one = 1
			}
			dst = append(dst, one)
		}
		return dst, nil
	case *onnxruntime.Tensor[int8]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[uint8]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[int16]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[uint16]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[int32]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[uint32]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[int64]:
		return appendIntegers(dst, x.GetData(), name)
	case *onnxruntime.Tensor[uint64]:
		return appendIntegers(dst, x.GetData(), name)
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
