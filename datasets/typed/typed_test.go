package typed

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func float32s(values ...float32) Array {
	a := Array{Type: Float32, Shape: []int64{int64(len(values))}}
	for _, v := range values {
		a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(v))
	}
	return a
}

func int64s(values ...int64) Array {
	a := Array{Type: Int64, Shape: []int64{int64(len(values))}}
	for _, v := range values {
		a.Data = binary.LittleEndian.AppendUint64(a.Data, uint64(v))
	}
	return a
}

func uint64s(values ...uint64) Array {
	a := Array{Type: Uint64, Shape: []int64{int64(len(values))}}
	for _, v := range values {
		a.Data = binary.LittleEndian.AppendUint64(a.Data, v)
	}
	return a
}

// TestAppendData converts into every type what it holds, and names the first value that it does not hold.
func TestAppendData(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		from  Array
		to    Type
		want  []float64
		wrong string
	}{
		{float32s(0, 1, 255), Uint8, []float64{0, 1, 255}, ""},
		{float32s(0, -128, 127), Int8, []float64{0, -128, 127}, ""},
		{float32s(1 << 62), Int64, []float64{1 << 62}, ""},
		{float32s(3, 256), Uint8, nil, "value 1 is 256, which uint8 does not hold"},
		{float32s(3, 4, 0.5), Int64, nil, "value 2 is 0.5, which int64 does not hold"},
		{float32s(-1), Uint64, nil, "value 0 is -1"},
		{float32s(float32(math.NaN())), Int32, nil, "value 0 is NaN"},
		{float32s(inf), Int32, nil, "value 0 is +Inf"},
		{float32s(0, 1), Bool, []float64{0, 1}, ""},
		{float32s(2), Bool, nil, "value 0 is 2, which bool does not hold"},
		{float32s(1.5, 65504, -0.1), Float16, []float64{1.5, 65504, -0.0999755859375}, ""},
		{float32s(1, 70000), Float16, nil, "value 1 is 70000"},
		{float32s(inf), Float16, []float64{math.Inf(1)}, ""},
		{float32s(1.5, 0.1), BFloat16, []float64{1.5, 0.10009765625}, ""},
		{float32s(0.1), Float64, []float64{float64(float32(0.1))}, ""},
		{int64s(7, -3), Float32, []float64{7, -3}, ""},
		{int64s(1<<24 + 1), Float32, nil, "value 0 is 16777217, which float32 does not hold"},
		{int64s(math.MaxInt64), Float64, nil, "which float64 does not hold"},
		{int64s(2049), Float16, nil, "value 0 is 2049"},
		{int64s(-32768, 32767), Int16, []float64{-32768, 32767}, ""},
		{int64s(-32769), Int16, nil, "value 0 is -32769"},
		{int64s(1 << 32), Uint32, nil, "value 0 is 4294967296"},
		{int64s(-1), Uint16, nil, "value 0 is -1"},
		{int64s(5), String, nil, "is int64, want string"},
		{uint64s(1 << 63), Uint64, []float64{1 << 63}, ""},
		{uint64s(1 << 63), Int64, nil, "value 0 is 9223372036854775808"},
		{uint64s(1 << 63), Float64, []float64{1 << 63}, ""},
		{uint64s(math.MaxUint64), Float64, nil, "value 0 is 18446744073709551615"},
		{Array{Type: Uint8, Data: []byte{0, 255}}, Float32, []float64{0, 255}, ""},
		{Array{Type: Uint8, Data: []byte{0, 255}}, Float16, []float64{0, 255}, ""},
		{Array{Type: Uint8, Data: []byte{0, 255}}, Int8, nil, "value 1 is 255"},
		{Array{Type: Bool, Data: []byte{0, 1}}, Int64, []float64{0, 1}, ""},
		{Array{Type: String, Text: []string{"a"}}, Int64, nil, "is string, want int64"},
	} {
		data, err := c.from.AppendData([]byte{9}, c.to)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%v to %s: %v, want %q", c.from, c.to, err, c.wrong)
			}
			if _, ok := errors.AsType[*ValueError](err); ok != !strings.HasPrefix(c.wrong, "is ") {
				t.Errorf("%v to %s: %T", c.from, c.to, err)
			}
			continue
		}
		if err != nil || data[0] != 9 {
			t.Errorf("%v to %s: %v", c.from, c.to, err)
			continue
		}
		got := Array{Type: c.to, Shape: c.from.Shape, Data: data[1:]}
		if values := got.Float64s(); !slices.Equal(values, c.want) || got.Len() != c.from.Len() {
			t.Errorf("%v to %s: %v, want %v", c.from, c.to, values, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		array Array
		wrong string
	}{
		{float32s(1, 2), ""},
		{Array{Type: Int64, Shape: []int64{3, 0}}, ""},
		{Array{Type: Int64, Data: make([]byte, 8)}, ""},
		{Array{Type: String, Shape: []int64{2}, Text: []string{"a", "b"}}, ""},
		{Array{Type: String, Shape: []int64{3}, Text: []string{"a", "b"}}, "2 texts"},
		{Array{Type: Int64, Shape: []int64{2}, Data: make([]byte, 8)}, "has 8 bytes, want 2 of 8"},
		{Array{Type: Int64, Shape: []int64{1 << 62, 5}}, "too large"},
		{Array{Type: Int64, Shape: []int64{0, 1 << 62, 5}}, "too large"},
		{Array{Type: Int64, Shape: []int64{-1}}, "negative"},
		{Array{Type: 14, Shape: []int64{1}}, "complex64 is not supported"},
	} {
		if err := c.array.Check(); (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%v: %v, want %q", c.array, err, c.wrong)
		}
	}
	if got := float32s(1, float32(math.Inf(-1))).NonFinite(); got != 1 {
		t.Errorf("the first infinity is at %d", got)
	}
}
