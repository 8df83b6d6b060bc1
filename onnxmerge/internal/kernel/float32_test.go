package kernel

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naiveEncode32 is encode32 for one element at a time.
func naiveEncode32(src []float64) (stored []byte, finite bool) {
	finite = true
	for _, v := range src {
		bits := math.Float32bits(float32(v))
		if v != v {
			bits = 0x7fc00000
		}
		finite = finite && !math.IsNaN(v) && !math.IsInf(float64(float32(v)), 0)
		stored = binary.LittleEndian.AppendUint32(stored, bits)
	}
	return stored, finite
}

// awkward returns float64 values of which many are the midpoint of two float32, or out of their range.
func awkward(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		x := float64(math.Float32frombits(rng.Uint32()))
		switch rng.IntN(4) {
		case 0:
			x = math.Float64frombits(math.Float64bits(x) | 1<<28) // midpoint to the next
		case 1:
			x = math.Float64frombits(rng.Uint64())
		}
		if math.IsNaN(x) || math.IsInf(float64(float32(x)), 0) {
			x = 1
		}
		v[i] = x
	}
	return v
}

// Encoding and decoding eight elements at a time equals a simple loop for every length and every position of a
// non-finite element, and writes nothing beyond the end.
func TestFloat32IsTheNaiveLoop(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 42 {
		v := awkward(rng, n)
		checkFloat32(t, v)
		for i := range v {
			for _, bad := range []float64{math.NaN(), -math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 0x1.ffffffp127} {
				spoilt := slices.Clone(v)
				spoilt[i] = bad
				checkFloat32(t, spoilt)
			}
		}
	}
	for range 2000 {
		checkFloat32(t, awkward(rng, 32))
	}
}

func checkFloat32(t *testing.T, v []float64) {
	t.Helper()
	const beyond = 8
	want, wantFinite := naiveEncode32(v)
	got := bytes.Repeat([]byte{'.'}, len(want)+beyond)
	if finite := encode32(got, v); finite != wantFinite || !bytes.Equal(got[:len(want)], want) {
		t.Fatalf("%x is encoded as % x, finite %t; want % x, %t", v, got[:len(want)], finite, want, wantFinite)
	}
	if string(got[len(want):]) != "........" {
		t.Fatalf("encoding %d numbers writes beyond", len(v))
	}
	back := slices.Repeat([]float64{7}, len(v)+beyond)
	decode32(back[:len(v)], want)
	for i := range v {
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:])))
		if back[i] != x && x == x || x != x && back[i] == back[i] {
			t.Fatalf("element %d of %d is decoded as %g, want %g", i, len(v), back[i], x)
		}
	}
	if !slices.Equal(back[len(v):], slices.Repeat([]float64{7}, beyond)) {
		t.Fatalf("decoding %d numbers writes beyond", len(v))
	}
}
