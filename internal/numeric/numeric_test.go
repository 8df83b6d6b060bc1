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

// Every number of 16 bits is the nearest one to itself, and between two neighbours the middle goes to the even one,
// what is beside it to its own side.
func TestToSmall(t *testing.T) {
	t.Parallel()
	bfloat := func(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
	for _, c := range []struct {
		name     string
		to       func(float64) uint16
		from     func(uint16) float32
		infinite uint16
	}{{"float16", ToHalf, FromHalf, 0x7c00}, {"bfloat16", ToBFloat16, bfloat, 0x7f80}} {
		for b := range c.infinite {
			low, high := float64(c.from(b)), float64(c.from(b+1))
			if b+1 == c.infinite { // what float64 would have one step further
				high = 2*low - float64(c.from(b-1))
			}
			middle := (low + high) / 2
			for v, want := range map[float64]uint16{low: b, middle: b + b&1, math.Nextafter(middle, 0): b,
				math.Nextafter(middle, math.Inf(1)): b + 1} {
				if got := c.to(v); got != want {
					t.Fatalf("%s: %v is %04x, want %04x", c.name, v, got, want)
				}
				if got := c.to(-v); got != want|1<<15 {
					t.Fatalf("%s: %v is %04x, want %04x", c.name, -v, got, want|1<<15)
				}
			}
		}
		if got := c.to(math.Inf(1)); got != c.infinite {
			t.Errorf("%s: infinity is %04x", c.name, got)
		}
		if got := c.from(c.to(math.NaN())); !math.IsNaN(float64(got)) {
			t.Errorf("%s: NaN is %v", c.name, got)
		}
	}
}
