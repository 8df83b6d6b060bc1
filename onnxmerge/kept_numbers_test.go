package onnxmerge

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// A number that one model stores in float16 and the other in float32 is one number.
func TestSingleNumbersOfTwoTypes(t *testing.T) {
	t.Parallel()
	wide, narrow := onnxNumber(onnx.Float32, math.Float32bits(0.2041)), onnxNumber(onnx.Float16, 0x3288)
	for _, test := range []struct {
		round onnx.DType
		equal bool
	}{{onnx.DTypeUndefined, false}, {onnx.Float16, true}} {
		s := singleNumbers{round: test.round}
		x, _, err := s.value(wide)
		if err != nil {
			t.Fatal(err)
		}
		y, _, err := s.value(narrow)
		if err != nil || (x == y) != test.equal {
			t.Errorf("rounded to %v: %g and %g, error %v", test.round, x, y, err)
		}
	}
}

// onnxNumber returns a tensor of one element with the given bits.
func onnxNumber(dtype onnx.DType, bits uint32) *onnx.Tensor {
	return onnx.NewTensor("x", "", dtype, nil, func(dst []byte, _ int64) error {
		copy(dst, binary.LittleEndian.AppendUint32(nil, bits))
		return nil
	})
}
