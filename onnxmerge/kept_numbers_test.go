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

// A number that both models have without a counterpart is a constant, as is NaN; another one is named.
func TestEqualNumbersAreConstants(t *testing.T) {
	t.Parallel()
	number := func(v float32) decision {
		return decision{Action: Copy, kind: unpaired, b: onnxNumber(onnx.Float32, math.Float32bits(v))}
	}
	half, slope, nan := number(.5), number(.9), number(float32(math.NaN()))
	s := singleNumbers{open: []float64{.5, .25}}
	if err := s.findSame([]decision{half, slope, nan}); err != nil {
		t.Fatal(err)
	}
	if len(s.open) != 1 || s.open[0] != .25 {
		t.Errorf("open are %v, want .25", s.open)
	}
	for i, d := range []decision{half, nan, slope} {
		isConstant, err := s.isConstant(d.b)
		if err != nil || isConstant != (i < 2) {
			t.Errorf("number %d is a constant: %v, %v", i, isConstant, err)
		}
	}
	if open, err := s.hasCounterpart(slope.b); err != nil || !open {
		t.Errorf("the slope has no counterpart, %v", err)
	}
}

// onnxNumber returns a tensor of one element with the given bits.
func onnxNumber(dtype onnx.DType, bits uint32) *onnx.Tensor {
	return onnx.NewTensor("x", "", dtype, nil, func(dst []byte, _ int64) error {
		copy(dst, binary.LittleEndian.AppendUint32(nil, bits))
		return nil
	})
}
