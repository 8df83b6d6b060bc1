package numeric

import (
	"math"
	"testing"
)

func TestWhole(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]int64{0: 0, -3: -3, 1<<53 - 1: 1<<53 - 1} {
		if n, ok := Whole(v); !ok || n != want {
			t.Errorf("Whole(%v) = %d, %v", v, n, ok)
		}
	}
	for _, v := range []float64{0.5, 1 << 53, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if n, ok := Whole(v); ok {
			t.Errorf("Whole(%v) = %d", v, n)
		}
	}
}

// Every float16 has the value that its sign, exponent and fraction say.
func TestFromHalf(t *testing.T) {
	t.Parallel()
	for h := range 1 << 16 {
		exponent, fraction := h>>10&0x1f, float64(h&0x3ff)
		want := math.Ldexp(1024+fraction, exponent-25)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction, -24)
		case exponent == 0x1f && fraction == 0:
			want = math.Inf(1)
		case exponent == 0x1f:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = -want
		}
		got := float64(FromHalf(uint16(h)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("%04x: %v, want %v", h, got, want)
		}
	}
}
