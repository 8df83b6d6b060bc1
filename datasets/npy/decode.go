package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/wiseft/wiseft/internal/numeric"
)

// floatDecoder returns what reads one element as float32; nil for a type without numbers. float64 is rounded, and an
// integer that float32 does not hold is an error.
func floatDecoder(h *Header) func([]byte) (float32, error) {
	if h.Kind == 'f' {
		switch h.ItemSize {
		case 2:
			return func(b []byte) (float32, error) { return numeric.FromHalf(h.Order.Uint16(b)), nil }
		case 4:
			return func(b []byte) (float32, error) { return math.Float32frombits(h.Order.Uint32(b)), nil }
		case 8:
			return func(b []byte) (float32, error) { return float32(math.Float64frombits(h.Order.Uint64(b))), nil }
		}
		return nil
	}
	decode := intDecoder(h)
	if decode == nil {
		return nil
	}
	return func(b []byte) (float32, error) {
		n, err := decode(b)
		if v := float32(n); err != nil || int64(v) == n && n != math.MaxInt64 {
			return v, err
		}
		return 0, fmt.Errorf("is %d, which float32 does not hold", n)
	}
}

// intDecoder returns what reads one element as an integer; nil for a type without integers.
func intDecoder(h *Header) func([]byte) (int64, error) {
	exact := func(decode func(b []byte) int64) func([]byte) (int64, error) {
		return func(b []byte) (int64, error) { return decode(b), nil }
	}
	switch signed := h.Kind == 'i'; {
	case h.Kind == 'f' && h.ItemSize == 4:
		return func(b []byte) (int64, error) { return whole(float64(math.Float32frombits(h.Order.Uint32(b)))) }
	case h.Kind == 'f' && h.ItemSize == 8:
		return func(b []byte) (int64, error) { return whole(math.Float64frombits(h.Order.Uint64(b))) }
	case h.Kind == 'b' && h.ItemSize == 1:
		return exact(func(b []byte) int64 { return int64(b[0] & 1) })
	case h.Kind == 'f' && h.ItemSize == 2:
		return func(b []byte) (int64, error) { return whole(float64(numeric.FromHalf(h.Order.Uint16(b)))) }
	case !signed && h.Kind != 'u':
		return nil
	case h.ItemSize == 1 && signed:
		return exact(func(b []byte) int64 { return int64(int8(b[0])) })
	case h.ItemSize == 1:
		return exact(func(b []byte) int64 { return int64(b[0]) })
	case h.ItemSize == 2 && signed:
		return exact(func(b []byte) int64 { return int64(int16(h.Order.Uint16(b))) })
	case h.ItemSize == 2:
		return exact(func(b []byte) int64 { return int64(h.Order.Uint16(b)) })
	case h.ItemSize == 4 && signed:
		return exact(func(b []byte) int64 { return int64(int32(h.Order.Uint32(b))) })
	case h.ItemSize == 4:
		return exact(func(b []byte) int64 { return int64(h.Order.Uint32(b)) })
	case h.ItemSize == 8 && signed:
		return exact(func(b []byte) int64 { return int64(h.Order.Uint64(b)) })
	case h.ItemSize == 8:
		return func(b []byte) (int64, error) {
			v := h.Order.Uint64(b)
			if v > math.MaxInt64 {
				return 0, fmt.Errorf("is %d, beyond the integers of 64 bits with a sign", v)
			}
			return int64(v), nil
		}
	}
	return nil
}

func whole(v float64) (int64, error) {
	n, ok := numeric.Whole(v)
	if !ok {
		return 0, fmt.Errorf("is %v, want a whole number", v)
	}
	return n, nil
}

// textOf returns an element of NumPy's dtype U or S.
func textOf(h *Header, item []byte) string {
	if h.Kind == 'S' {
		return strings.TrimRight(string(item), "\x00")
	}
	return ucs4(item, h.Order)
}

func ucs4(item []byte, order binary.ByteOrder) string {
	var s strings.Builder
	for ; len(item) >= 4; item = item[4:] {
		r := rune(order.Uint32(item))
		if r == 0 {
			break
		}
		s.WriteRune(r)
	}
	return s.String()
}
