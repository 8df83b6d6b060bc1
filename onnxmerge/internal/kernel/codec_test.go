package kernel

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFormats compares patterns with the values that the ONNX documents list.
func TestFormats(t *testing.T) {
	t.Parallel()
	inf, nan, minus0 := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	for _, c := range []struct {
		name   string
		codec  Codec
		values map[uint64]float64
	}{
		{"float16", Float16, map[uint64]float64{0: 0, 1: 0x1p-24, 0x3ff: 0x3ffp-24, 0x400: 0x1p-14, 0x3c00: 1,
			0x3555: 0x1.554p-2, 0xc000: -2, 0x7bff: 65504, 0x7c00: inf, 0xfc00: -inf, 0x7c01: nan, 0xfe00: nan, 0x8000: minus0}},
		{"bfloat16", BFloat16, map[uint64]float64{0: 0, 1: 0x1p-133, 0x80: 0x1p-126, 0x3f80: 1, 0xc040: -3,
			0x7f7f: 0x1.fep127, 0x7f80: inf, 0xff80: -inf, 0x7f81: nan, 0xffff: nan, 0x8000: minus0}},
		{"float8e4m3fn", Float8E4M3FN, map[uint64]float64{0: 0, 1: 0x1p-9, 7: 0x7p-9, 8: 0x1p-6, 0x38: 1,
			0x78: 256, 0x7e: 448, 0xfe: -448, 0x7f: nan, 0xff: nan, 0x80: minus0}},
		{"float8e4m3fnuz", Float8E4M3FNUZ, map[uint64]float64{0: 0, 1: 0x1p-10, 7: 0x7p-10, 8: 0x1p-7, 0x40: 1,
			0x7f: 240, 0xff: -240, 0x81: -0x1p-10, 0x80: nan}},
		{"float8e5m2", Float8E5M2, map[uint64]float64{0: 0, 1: 0x1p-16, 3: 0x3p-16, 4: 0x1p-14, 0x3c: 1,
			0x7b: 57344, 0xfb: -57344, 0x7c: inf, 0xfc: -inf, 0x7d: nan, 0x7e: nan, 0xff: nan, 0x80: minus0}},
		{"float8e5m2fnuz", Float8E5M2FNUZ, map[uint64]float64{0: 0, 1: 0x1p-17, 3: 0x3p-17, 4: 0x1p-15, 0x40: 1,
			0x7f: 57344, 0xff: -57344, 0x80: nan}},
		{"float4e2m1", Float4E2M1, map[uint64]float64{0: 0, 1: 0.5, 2: 1, 3: 1.5, 4: 2, 5: 3, 6: 4, 7: 6,
			8: minus0, 9: -0.5, 10: -1, 11: -1.5, 12: -2, 13: -3, 14: -4, 15: -6}},
	} {
		for pattern, want := range c.values {
			got := make([]float64, 1)
			c.codec.Decode(got, []byte{byte(pattern), byte(pattern >> 8)})
			same := math.Float64bits(got[0]) == math.Float64bits(want)
			if !same && !(math.IsNaN(got[0]) && math.IsNaN(want)) {
				t.Errorf("%s %#x is %g, want %g", c.name, pattern, got[0], want)
			}
		}
	}
	if c := Float4E2M1; c.SizeBytes(0) != 0 || c.SizeBytes(1) != 1 || c.SizeBytes(4) != 2 || Float16.SizeBytes(3) != 6 {
		t.Error("SizeBytes is wrong")
	}
}

// TestEveryPatternRoundTrips decodes and encodes every pattern: a value must keep its pattern, and a NaN become the
// one NaN of its type. 32- and 64-bit types use random patterns.
func TestEveryPatternRoundTrips(t *testing.T) {
	t.Parallel()
	quietNaN := map[int]uint64{32: 0x7fc00000, 64: 0x7ff8 << 48}
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := 1 << min(c.Bits, 16)
			stored := c.patterns(rand.New(rand.NewPCG(1, 0)), n)
			nan := quietNaN[c.Bits]
			if c.Bits <= 16 {
				nan = c.format.nan
				for i := range stored {
					switch c.Bits {
					case 16:
						stored[i] = byte(i / 2 >> (i % 2 * 8))
					case 8:
						stored[i] = byte(i)
					case 4:
						stored[i] = byte(2*i | (2*i+1)<<4)
					}
				}
			}
			v, back := make([]float64, n), make([]byte, len(stored))
			c.Decode(v, stored)
			c.Encode(back, v)
			for i, x := range v {
				got, want := c.load(back, i), c.load(stored, i)
				if math.IsNaN(x) {
					want = nan
				}
				if got != want {
					t.Fatalf("%#x decodes to %g and encodes to %#x, want %#x", c.load(stored, i), x, got, want)
				}
			}
		})
	}
}

// TestEncodeRoundsAtEveryBoundary encodes every value, the midpoint of each two neighbours, the float64 neighbours of
// the midpoint, and random values between them. Beyond the largest value it uses the one that would come next,
// because the end of the range does not change how values round.
func TestEncodeRoundsAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for _, c := range codecs {
		if c.Bits > 16 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := c.format
			values := make([]float64, f.top+2)
			for i := range f.top + 1 {
				values[i] = f.value(i)
			}
			values[f.top+1] = 2*values[f.top] - values[f.top-1]
			rng := rand.New(rand.NewPCG(1, 0))
			v := []float64{0x1p-1074, 0x1p-1022, 0x1p-1023, values[1] / 4,
				0x1p16, 0x1p127, 0x1p128, math.MaxFloat64, math.Inf(1)}
			for i, lo := range values[:len(values)-1] {
				hi := values[i+1]
				mid := (lo + hi) / 2 // exact: it needs one more bit
				v = append(v, lo, mid, math.Nextafter(mid, 0), math.Nextafter(mid, math.Inf(1)), math.Nextafter(hi, 0),
					lo+(hi-lo)*rng.Float64())
			}
			for _, x := range v {
				v = append(v, -x)
			}
			for _, x := range v {
				want, wantFinite := search(math.Abs(x), values), true
				if want > f.top {
					want, wantFinite = f.over, false
				}
				if math.Signbit(x) && !(want == 0 && f.nan == f.sign()) {
					want |= f.sign()
				}
				if got, finite := f.round(x); got != want || finite != wantFinite {
					t.Fatalf("the oracles disagree on %x: %#x, %#x", x, got, want)
				}
				c.checkEncode(t, x, want, wantFinite)
			}
			for _, bits := range []uint64{0x7ff8 << 48, 0xfff8 << 48, 0x7ff0<<48 | 1, 1<<64 - 1, 0x7ff7<<48 | 0x40} {
				c.checkEncode(t, math.Float64frombits(bits), f.nan, false)
			}
		})
	}
}

// checkEncode encodes v as the last of three elements.
func (c Codec) checkEncode(t *testing.T, v float64, want uint64, wantFinite bool) {
	t.Helper()
	dst := []byte("........................")
	finite := c.Encode(dst, []float64{0, 1, v})
	if got := c.load(dst, 2); got != want || finite != wantFinite || c.load(dst, 0) != 0 {
		t.Fatalf("%x is encoded as %#x, finite %t; want %#x, %t", v, got, finite, want, wantFinite)
	}
	if rest := string(dst[c.SizeBytes(3):]); rest != "........................"[c.SizeBytes(3):] {
		t.Fatalf("encoding %x writes beyond the element: %q", v, rest)
	}
	if c.Bits == 4 && dst[1]>>4 != 0 {
		t.Fatalf("the unused half of the last byte is %#x", dst[1]>>4)
	}
}

func TestFloat32RoundsOnce(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 0))
	v := []float64{0, 0x1p-149, 0x1p-150, 0x1.8p-150, 0x1p-1074,
		0x1.fffffefp127, 0x1.ffffffp127, math.MaxFloat64, math.Inf(1)}
	for range 100000 {
		lo := math.Float32frombits(rng.Uint32() >> 1)
		if lo != lo || lo >= math.MaxFloat32 {
			continue
		}
		mid := (float64(lo) + float64(math.Nextafter32(lo, math.MaxFloat32))) / 2
		v = append(v, mid, math.Nextafter(mid, 0), math.Nextafter(mid, math.Inf(1)))
	}
	for _, x := range v {
		for _, x := range []float64{x, -x} {
			want, _ := new(big.Float).SetFloat64(x).Float32()
			Float32.checkEncode(t, x, uint64(math.Float32bits(want)), !math.IsInf(float64(want), 0))
		}
	}
	Float32.checkEncode(t, -math.NaN(), 0x7fc00000, false)
	Float64.checkEncode(t, -math.NaN(), 0x7ff8<<48, false)
	Float64.checkEncode(t, math.Inf(-1), 0xfff0<<48, false)
	Float64.checkEncode(t, -math.MaxFloat64, math.Float64bits(-math.MaxFloat64), true)
}

func ExampleCodec() {
	stored := make([]byte, BFloat16.SizeBytes(2))
	fmt.Println(BFloat16.Encode(stored, []float64{1, -2.5}))
	fmt.Println(BFloat16.Lerp(stored, stored, []byte{0x80, 0x3f, 0x80, 0x3f}, 0.5))
	v := make([]float64, 2)
	BFloat16.Decode(v, stored)
	fmt.Println(v)
	// Output:
	// true
	// true
	// [1 -0.75]
}

// The address of stored elements affects neither values nor bytes nor the reported finiteness.
func TestCodecAtAnyAddress(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 0))
	for _, c := range codecs {
		for _, n := range []int{0, 2, 3, 4, 6, 255, 1024} {
			for _, tame := range []bool{true, false} {
				stored := c.patterns(rng, n)
				if tame {
					c.weights(rng, stored)
				}
				want := make([]float64, n)
				c.Decode(want, stored)
				again := make([]byte, len(stored))
				finite := c.Encode(again, want)
				for off := 1; off < 8; off++ {
					moved := append(make([]byte, off), stored...)[off:]
					got := make([]float64, n)
					c.Decode(got, moved)
					for i := range got {
						if math.Float64bits(got[i]) != math.Float64bits(want[i]) && got[i] == got[i] {
							t.Fatalf("%s: element %d of %d at address %d is %g, want %g", c.name, i, n, off, got[i], want[i])
						}
					}
					if ok := c.Encode(moved, want); ok != finite || !bytes.Equal(moved, again) {
						t.Fatalf("%s: %d elements at address %d are encoded in another way (finite %t, want %t)", c.name, n, off, ok,
							finite)
					}
				}
			}
		}
	}
}
