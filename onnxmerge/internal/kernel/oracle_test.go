package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// codecs lists every codec; those of at most 16 bits with their format.
var codecs = []struct {
	name string
	Codec
	format format
}{
	{"float64", Float64, format{}},
	{"float32", Float32, format{}},
	{"float16", Float16, float16},
	{"bfloat16", BFloat16, bfloat16},
	{"float8e4m3fn", Float8E4M3FN, float8E4M3FN},
	{"float8e4m3fnuz", Float8E4M3FNUZ, float8E4M3FNUZ},
	{"float8e5m2", Float8E5M2, float8E5M2},
	{"float8e5m2fnuz", Float8E5M2FNUZ, float8E5M2FNUZ},
	{"float4e2m1", Float4E2M1, float4E2M1},
}

// load returns the pattern of element i of stored bytes.
func (c Codec) load(stored []byte, i int) uint64 {
	switch c.Bits {
	case 64:
		return binary.LittleEndian.Uint64(stored[8*i:])
	case 32:
		return uint64(binary.LittleEndian.Uint32(stored[4*i:]))
	case 16:
		return uint64(binary.LittleEndian.Uint16(stored[2*i:]))
	case 8:
		return uint64(stored[i])
	}
	return uint64(stored[i/2] >> (i % 2 * 4) & 0xf)
}

// patterns returns n random elements; every eighth one is a special value.
func (c Codec) patterns(rng *rand.Rand, n int) []byte {
	stored := make([]byte, c.SizeBytes(n))
	for i := range stored {
		stored[i] = byte(rng.Uint32())
	}
	special := make([]byte, 8)
	for i := range n {
		if c.Bits < 8 || rng.IntN(8) != 0 {
			continue
		}
		v := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 5e-324}[rng.IntN(6)]
		c.Encode(special, []float64{v})
		copy(stored[c.SizeBytes(i):c.SizeBytes(i+1)], special)
	}
	return stored
}

// round is the oracle of the encoders of at most 16 bits.
func (f format) round(v float64) (pattern uint64, finite bool) {
	if math.IsNaN(v) {
		return f.nan, false
	}
	sign := uint64(0)
	if math.Signbit(v) {
		sign = f.sign()
	}
	exp := f.minExp()
	if v != 0 {
		_, e := math.Frexp(v) // 0.5 <= fraction < 1
		exp = max(exp, e-1)
	}
	q := math.RoundToEven(math.Ldexp(math.Abs(v), f.frac-exp)) // in units in the last place
	last := f.value(f.top)
	switch {
	case math.Ldexp(q, exp-f.frac) > last:
		return f.over | sign, false
	case q == 0 && f.nan == f.sign():
		return 0, true
	}
	return sign | (uint64(exp-f.minExp())<<f.frac + uint64(q)), true
}

// search is the oracle of round: it searches the sorted values of the patterns from 0 on, the last of which is beyond
// the largest value, for the nearest one, ties to the even pattern.
func search(v float64, values []float64) uint64 {
	lo, hi := 0, len(values)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if values[mid] <= v {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == len(values)-1 {
		return uint64(lo)
	}
	below, above := v-values[lo], values[lo+1]-v // within one ULP; unequal stays unequal
	if below < above || below == above && lo%2 == 0 {
		return uint64(lo)
	}
	return uint64(lo + 1)
}

// lerp is the oracle of the interpolation.
func lerp(a, b, t float64) float64 { return float64((1-t)*a) + float64(t*b) }
