package kernel

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

var alphas = []float64{0.1, 0.3, 0.5, 0.75, 1. / 3, -0.5, 1.5}

func TestLerp(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 7, 8, 9, 1000} {
		a, b := make([]float64, n), make([]float64, n)
		for i := range n {
			a[i], b[i] = float64(i)-3, math.Sqrt(float64(i))
		}
		for _, alpha := range alphas {
			dst := slices.Clone(a)
			Lerp(dst, dst, b, alpha) // aliasing the first source is allowed
			for i := range n {
				want := lerp(a[i], b[i], alpha)
				if math.Float64bits(dst[i]) != math.Float64bits(want) {
					t.Fatalf("n=%d alpha=%g: element %d is %g, want %g", n, alpha, i, dst[i], want)
				}
			}
		}
	}
}

// steps is the oracle of Codec.Lerp: Decode, Lerp, Encode.
func (c Codec) steps(dst, a, b []byte, t float64) bool {
	n := len(dst) * 8 / c.Bits
	x, y := make([]float64, n), make([]float64, n)
	c.Decode(x, a)
	c.Decode(y, b)
	Lerp(x, x, y, t)
	return c.Encode(dst, x)
}

func TestCodecLerpIsItsSteps(t *testing.T) {
	t.Parallel()
	// Odd lengths, lengths around powers of two, and around a block of every size.
	lengths := []int{0, 1, 2, 3, 7, 8, 9, 127, 128, 129, 255, 257, 512, 1000, 1023, 1024, 1025, 2048, 3000}
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 0))
			checked := 0
			for _, n := range lengths {
				for _, tame := range []bool{false, true} {
					for _, alpha := range append(alphas, 1e300, math.Inf(1), math.NaN()) {
						a, b := c.patterns(rng, n), c.patterns(rng, n)
						if tame {
							c.weights(rng, a)
							c.weights(rng, b)
						}
						c.checkLerp(t, a, b, alpha, rng.IntN(9))
						checked++
					}
				}
			}
			if checked != len(lengths)*2*(len(alphas)+3) {
				t.Fatalf("only %d cases ran", checked)
			}
		})
	}
}

// weights fills stored with values that no alpha of the tests makes infinite.
func (c Codec) weights(rng *rand.Rand, stored []byte) {
	v := make([]float64, len(stored)*8/c.Bits)
	for i := range v {
		v[i] = rng.NormFloat64() * 0.02
	}
	c.Encode(stored, v)
}

// checkLerp compares Lerp with steps: into a separate destination and into either source, with the elements at an
// offset.
func (c Codec) checkLerp(t *testing.T, a, b []byte, alpha float64, off int) {
	t.Helper()
	want := make([]byte, len(a))
	wantFinite := c.steps(want, a, b, alpha)
	for _, alias := range []string{"none", "a", "b"} {
		guard := bytes.Repeat([]byte{0xa5}, 9)
		around := func(p []byte) []byte { return slices.Concat(guard[:off], p, guard) }
		bufA, bufB, buf := around(a), around(b), around(make([]byte, len(a)))
		switch alias {
		case "a":
			buf = bufA
		case "b":
			buf = bufB
		}
		end := off + len(a)
		finite := c.Lerp(buf[off:end], bufA[off:], bufB[off:], alpha)
		if !bytes.Equal(buf, around(want)) || finite != wantFinite {
			t.Fatalf("%d bytes at %d, alpha %g, aliasing %s: finite %t, want %t, or bytes differ\ngot  %x\nwant %x",
				len(a), off, alpha, alias, finite, wantFinite, buf, around(want))
		}
		if alias != "a" && !bytes.Equal(bufA, around(a)) || alias != "b" && !bytes.Equal(bufB, around(b)) {
			t.Fatal("a source has changed")
		}
	}
}

// TestFinite places one element among zeros, at positions throughout the blocks and the remainder.
func TestFinite(t *testing.T) {
	t.Parallel()
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			largest := map[int]float64{64: math.MaxFloat64, 32: math.MaxFloat32}[c.Bits]
			if c.Bits <= 16 {
				largest = c.format.value(c.format.top)
			}
			n := 2*blockSize + 6
			v, a, dst := make([]float64, n), make([]byte, c.SizeBytes(n)), make([]byte, c.SizeBytes(n))
			for i := n - 1; i >= 0; i -= 31 { // odd: every position within a group of elements
				for _, x := range []float64{largest, -largest, math.Inf(1), math.Inf(-1), math.NaN(), 1e300} {
					want := math.Abs(x) <= largest
					v[i] = x
					if got := c.Encode(a, v); got != want {
						t.Fatalf("Encode of %g at %d returns finite %t", x, i, got)
					}
					fits := c.Bits != 4 || want // float4e2m1 stores the largest value instead
					if got := c.Lerp(dst, a, a, 0.5); got != (want || !fits) {
						t.Fatalf("Lerp of %g at %d returns finite %t", x, i, got)
					}
				}
				v[i] = 0
			}
			for i := range v {
				v[i] = largest
			}
			c.Encode(a, v)
			zero := make([]byte, len(a))
			if !c.Lerp(dst, a, a, 0.25) || c.Lerp(dst, a, zero, -0.5) {
				t.Errorf("elements of the largest value: finite is false for an equal result, or true for a larger one")
			}
		})
	}
}

// checkPairs interpolates between the patterns a and each of b by Lerp and compares with the oracle.
func checkPairs(c Codec, f format, a []uint64, bs []uint64, alpha float64) error {
	stored := func(p []uint64) []byte {
		out := make([]byte, c.SizeBytes(len(p)))
		for i, x := range p {
			switch c.Bits {
			case 16:
				out[2*i], out[2*i+1] = byte(x), byte(x>>8)
			case 8:
				out[i] = byte(x)
			case 4:
				out[i/2] |= byte(x << (i % 2 * 4))
			}
		}
		return out
	}
	values := make([]float64, 1<<c.Bits)
	for i := range values {
		values[i] = f.value(uint64(i))
	}
	rawA, dst := stored(a), make([]byte, c.SizeBytes(len(a)))
	same := make([]uint64, len(a))
	for _, b := range bs {
		for i := range same {
			same[i] = b
		}
		gotFinite := c.Lerp(dst, rawA, stored(same), alpha)
		wantFinite := true
		for i, x := range a {
			want, finite := f.round(lerp(values[x], values[b], alpha))
			wantFinite = wantFinite && finite
			if got := c.load(dst, i); got != want {
				return fmt.Errorf("alpha %g of %#x and %#x: %#x, want %#x", alpha, x, b, got, want)
			}
		}
		if gotFinite != wantFinite {
			return fmt.Errorf("alpha %g, all with %#x: finite %t, want %t", alpha, b, gotFinite, wantFinite)
		}
	}
	return nil
}

// all returns the patterns below n that are multiples of step.
func all(n, step int) []uint64 {
	var p []uint64
	for i := 0; i < n; i += step {
		p = append(p, uint64(i))
	}
	return p
}

// TestLerpOfPairs interpolates between every pair of patterns of the small types, and between every pattern of the
// 16-bit types and 128 that cover signs, exponents and fractions.
func TestLerpOfPairs(t *testing.T) {
	t.Parallel()
	for _, c := range codecs {
		if c.Bits > 16 {
			continue
		}
		bs, ts := all(1<<c.Bits, 1), []float64{0.1, 0.3, 0.5, 0.9, -0.5, 1.5}
		if c.Bits == 16 {
			ts = []float64{0.3, 0.5}
			bs = bs[:0]
			for i := range 128 {
				bs = append(bs, uint64(i*512+i*i*37%512)) // one in each 512th of the range, every exponent
			}
		}
		for _, alpha := range ts {
			t.Run(fmt.Sprintf("%s/%g", c.name, alpha), func(t *testing.T) {
				t.Parallel()
				if err := checkPairs(c.Codec, c.format, all(1<<c.Bits, 1), bs, alpha); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestLerpOfAllFloat16Pairs takes minutes: 2^32 pairs for each alpha.
func TestLerpOfAllFloat16Pairs(t *testing.T) {
	if os.Getenv("WISEFT_EXHAUSTIVE") != "1" {
		t.Skip("WISEFT_EXHAUSTIVE=1 is not set")
	}
	for _, alpha := range []float64{0.3, 0.5} {
		var workers sync.WaitGroup
		bs := make(chan uint64)
		errs := make(chan error, 1<<16)
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				every := all(1<<16, 1)
				for b := range bs {
					errs <- checkPairs(Float16, float16, every, []uint64{b}, alpha)
				}
			})
		}
		for b := range uint64(1 << 16) {
			bs <- b
		}
		close(bs)
		workers.Wait()
		if len(errs) != 1<<16 {
			t.Fatalf("only %d rows ran", len(errs))
		}
		close(errs)
		for err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("alpha %g: 2^32 pairs", alpha)
	}
}

func TestLerpDoesNotAllocate(t *testing.T) {
	for _, c := range codecs {
		dst := make([]byte, 3000)
		if n := testing.AllocsPerRun(10, func() { c.Lerp(dst, dst, dst, 0.3) }); n != 0 {
			t.Errorf("%s: %g allocations", c.name, n)
		}
	}
}
