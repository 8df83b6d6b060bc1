package typed

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/numeric"
)

// ValueError reports the first value of an array that another type does not hold.
type ValueError struct {
	Index int    // of the element, in row-major order
	Value string // as text
	To    Type
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("value %d is %s, which %s does not hold", e.Index, e.Value, e.To)
}

// AppendData appends the elements of an array to dst as elements of another type; see the package's comment for what is
// converted. Text becomes no numbers, and is not converted by it. The error is a [*ValueError], or says that the types
// do not go together.
func (a Array) AppendData(dst []byte, to Type) ([]byte, error) {
	from := a.Type
	if from.Size() == 0 || to.Size() == 0 {
		return dst, fmt.Errorf("is %s, want %s", from, to)
	}
	if from == to {
		return append(dst, a.Data...), nil
	}
	dst = slices.Grow(dst, a.Len()*int(to.Size()))
	if from == Uint8 && to == Float32 { // pictures
		for _, v := range a.Data {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v)))
		}
		return dst, nil
	}
	size := int(from.Size())
	for i := range a.Len() {
		v := decode(from, a.Data[i*size:])
		var ok bool
		if dst, ok = v.append(dst, to); !ok {
			return dst, &ValueError{i, v.String(), to}
		}
	}
	return dst, nil
}

// Float64s returns the elements of an array of numbers as float64: integers beyond 2^53 are rounded.
func (a Array) Float64s() []float64 {
	size := int(a.Type.Size())
	list := make([]float64, a.Len())
	for i := range list {
		list[i] = decode(a.Type, a.Data[i*size:]).float()
	}
	return list
}

// NonFinite returns the index of the first NaN or infinity; -1 if there is none.
func (a Array) NonFinite() int {
	if !a.Type.IsFloat() {
		return -1
	}
	size := int(a.Type.Size())
	for i := range a.Len() {
		if f := decode(a.Type, a.Data[i*size:]).f; math.IsNaN(f) || math.IsInf(f, 0) {
			return i
		}
	}
	return -1
}

// number is a value of any type: floating-point, integer, or an integer beyond int64.
type number struct {
	isFloat bool
	f       float64
	i       int64
	beyond  uint64 // the value, if it is above the largest int64; else 0
}

func (v number) String() string {
	switch {
	case v.isFloat:
		return fmt.Sprint(v.f)
	case v.beyond > 0:
		return fmt.Sprint(v.beyond)
	}
	return fmt.Sprint(v.i)
}

// float returns the value as float64, rounded.
func (v number) float() float64 {
	switch {
	case v.isFloat:
		return v.f
	case v.beyond > 0:
		return float64(v.beyond)
	}
	return float64(v.i)
}

// decode returns the element of a type at the start of b.
func decode(t Type, b []byte) number {
	u16, u32, u64 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	switch t {
	case Float32:
		return number{isFloat: true, f: float64(math.Float32frombits(u32(b)))}
	case Float64:
		return number{isFloat: true, f: math.Float64frombits(u64(b))}
	case Float16:
		return number{isFloat: true, f: float64(numeric.FromHalf(u16(b)))}
	case BFloat16:
		return number{isFloat: true, f: float64(math.Float32frombits(uint32(u16(b)) << 16))}
	case Int8:
		return number{i: int64(int8(b[0]))}
	case Int16:
		return number{i: int64(int16(u16(b)))}
	case Int32:
		return number{i: int64(int32(u32(b)))}
	case Int64:
		return number{i: int64(u64(b))}
	case Uint16:
		return number{i: int64(u16(b))}
	case Uint32:
		return number{i: int64(u32(b))}
	case Uint64:
		if v := u64(b); v > math.MaxInt64 {
			return number{beyond: v}
		}
		return number{i: int64(u64(b))}
	case Bool:
		if b[0] != 0 {
			return number{i: 1}
		}
		return number{}
	}
	return number{i: int64(b[0])} // Uint8
}

// append appends the value as an element of a type. ok is false if the type does not hold it.
func (v number) append(dst []byte, t Type) (_ []byte, ok bool) {
	if t.IsFloat() {
		return v.appendFloat(dst, t)
	}
	if v.isFloat {
		if v.f != math.Trunc(v.f) || math.Abs(v.f) >= 1<<63 {
			return dst, false
		}
		v = number{i: int64(v.f)}
	}
	if v.beyond > 0 {
		return binary.LittleEndian.AppendUint64(dst, v.beyond), t == Uint64
	}
	low, high := int64(0), int64(math.MaxInt64)
	switch bits := 8 * t.Size(); t {
	case Bool:
		high = 1
	case Int8, Int16, Int32, Int64:
		low, high = math.MinInt64>>(64-bits), math.MaxInt64>>(64-bits)
	case Uint8, Uint16, Uint32:
		high = 1<<bits - 1
	}
	raw := binary.LittleEndian.AppendUint64(nil, uint64(v.i))
	return append(dst, raw[:t.Size()]...), v.i >= low && v.i <= high
}

// appendFloat appends the value as a floating-point number: such a number rounded, unless it is beyond the range, an
// integer exactly.
func (v number) appendFloat(dst []byte, t Type) (_ []byte, ok bool) {
	f := v.float()
	var got float64
	switch t {
	case Float64:
		dst, got = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), f
	case Float32:
		dst, got = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f))), float64(float32(f))
	case Float16:
		half := numeric.ToHalf(f)
		dst, got = binary.LittleEndian.AppendUint16(dst, half), float64(numeric.FromHalf(half))
	case BFloat16:
		half := numeric.ToBFloat16(f)
		dst, got = binary.LittleEndian.AppendUint16(dst, half), float64(math.Float32frombits(uint32(half)<<16))
	}
	if v.isFloat {
		return dst, math.IsInf(f, 0) || !math.IsInf(got, 0)
	}
	return dst, got == f && !v.rounded()
}

// rounded reports whether float64 does not hold the integer.
func (v number) rounded() bool {
	f := v.float()
	if v.beyond > 0 {
		return f >= 1<<64 || uint64(f) != v.beyond
	}
	return f >= 1<<63 || int64(f) != v.i
}
