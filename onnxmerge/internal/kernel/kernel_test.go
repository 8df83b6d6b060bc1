package kernel

import (
	"encoding/binary"
	"math"
	"testing"
)

// slowRound is the oracle of round: the nearest of all encodable values, ties to
// the even pattern, by search over a sorted table.
func slowRound(v float64, table []float64) uint16 {
	lo, hi := 0, len(table)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if table[mid] <= v {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == len(table)-1 {
		return uint16(lo)
	}
	below, above := v-table[lo], table[lo+1]-v
	if below < above || below == above && lo%2 == 0 {
		return uint16(lo)
	}
	return uint16(lo + 1)
}

func TestHalfRoundTripsEveryPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		codec Codec
		from  func(uint16) float64
		to    func(float64) uint16
	}{
		{"float16", Float16, fromFloat16, toFloat16},
		{"bfloat16", BFloat16, func(h uint16) float64 {
			return float64(math.Float32frombits(uint32(h) << 16))
		}, toBFloat16},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, back, src := make([]float64, 1), make([]byte, 2), make([]byte, 2)
			for h := range 1 << 16 {
				binary.LittleEndian.PutUint16(src, uint16(h))
				c.codec.Decode(v, src)
				c.codec.Encode(back, v)
				got := binary.LittleEndian.Uint16(back)
				if got != uint16(h) && !(math.IsNaN(v[0]) && math.IsNaN(c.from(got))) {
					t.Fatalf("%#04x decodes to %g and encodes to %#04x", h, v[0], got)
				}
			}
		})
	}
}

func TestHalfRoundsToNearestEven(t *testing.T) {
	t.Parallel()
	// The positive finite patterns are their own ranks, so they form the table; the
	// value after the largest one stands for infinity.
	table := make([]float64, 0x7c01)
	for h := range 0x7c00 {
		table[h] = fromFloat16(uint16(h))
	}
	table[0x7c00] = 65536
	rng := uint64(1)
	checked := 0
	check := func(v float64) {
		checked++
		if got, want := toFloat16(v), slowRound(v, table); got != want {
			t.Fatalf("toFloat16(%g) = %#04x, want %#04x", v, got, want)
		}
		if got, want := toFloat16(-v), 0x8000|slowRound(v, table); got != want {
			t.Fatalf("toFloat16(%g) = %#04x, want %#04x", -v, got, want)
		}
	}
	for h := range 0x7c00 {
		mid := (table[h] + table[h+1]) / 2 // exact: one bit more than float16 has
		check(mid)
		check(math.Nextafter(mid, 0))
		check(math.Nextafter(mid, math.Inf(1)))
		rng = rng*6364136223846793005 + 1442695040888963407
		check(table[h] + (table[h+1]-table[h])*float64(rng>>11)*0x1p-53)
	}
	check(5e-324)
	check(0x1p-1023)
	check(1e300)
	if checked < 4*0x7c00 {
		t.Fatalf("only %d values were checked", checked)
	}
}

func TestBFloat16RoundsOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    float64
		want uint16
	}{
		{1, 0x3f80},
		{1 + 0x1p-8, 0x3f80},           // a tie goes to even
		{1 + 0x1p-8 + 0x1p-40, 0x3f81}, // rounding to float32 first would make it a tie
		{1 + 3*0x1p-8, 0x3f82},
		{math.MaxFloat64, 0x7f80},
		{-0x1p-133, 0x8001},
		{0x1p-134, 0}, // half of the smallest subnormal, a tie
		{math.Copysign(0, -1), 0x8000},
	} {
		if got := toBFloat16(c.v); got != c.want {
			t.Errorf("toBFloat16(%g) = %#04x, want %#04x", c.v, got, c.want)
		}
	}
}

func TestLerp(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 7, 8, 9, 1000} {
		a, b := make([]float64, n), make([]float64, n)
		for i := range n {
			a[i], b[i] = float64(i)-3, math.Sqrt(float64(i))
		}
		for _, alpha := range []float64{0.1, 0.5, 0.75, -0.5, 1.5} {
			dst := append([]float64(nil), a...)
			Lerp(dst, dst, b, alpha) // aliasing the first source is allowed
			for i := range n {
				want := float64((1-alpha)*a[i]) + float64(alpha*b[i])
				if math.Float64bits(dst[i]) != math.Float64bits(want) {
					t.Fatalf("n=%d alpha=%g: element %d is %g, want %g", n, alpha, i, dst[i], want)
				}
			}
		}
	}
}

// BenchmarkMix runs what a float32 merge does to a block: decode twice, mix,
// encode. SetBytes counts the output.
func BenchmarkMix(b *testing.B) {
	const n = 1 << 12
	raw := make([]byte, 8*n)
	x, y := make([]float64, n), make([]float64, n)
	for _, c := range []struct {
		name  string
		codec Codec
	}{{"f64", Float64}, {"f32", Float32}, {"f16", Float16}, {"bf16", BFloat16}} {
		b.Run("dtype="+c.name, func(b *testing.B) {
			b.SetBytes(int64(n * c.codec.Size))
			b.ReportAllocs()
			for b.Loop() {
				c.codec.Decode(x, raw)
				c.codec.Decode(y, raw)
				Lerp(x, x, y, 0.5)
				c.codec.Encode(raw, x)
			}
		})
	}
}
