package kernel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

// The loop in assembly gives the bytes of the one in Go, writes nothing beyond its end, and may overwrite a source.
func TestLerpWide(t *testing.T) {
	t.Parallel()
	if !cpu.X86.HasAVX {
		t.Skip("the processor has no AVX")
	}
	rng := rand.New(rand.NewPCG(1, 3))
	for n := range 70 {
		for _, alpha := range append(alphas, 1e300, math.Inf(1), math.NaN()) {
			for _, tame := range []bool{false, true} {
				a, b := Float32.patterns(rng, n), Float32.patterns(rng, n)
				if tame {
					Float32.weights(rng, a)
					Float32.weights(rng, b)
				}
				want := make([]byte, len(a))
				finite := blockLerp{bits: 32}.lerp(want, a, b, alpha)
				got := bytes.Clone(a)
				size, wide := lerpWide(got, got, b, 1-alpha, alpha)
				if size != 32*(n/8) {
					t.Fatalf("n=%d: %d bytes are computed", n, size)
				}
				if !wide {
					replaceNaN(got[:size])
				}
				if !bytes.Equal(got[:size], want[:size]) || !bytes.Equal(got[size:], a[size:]) {
					t.Fatalf("n=%d alpha=%v: got %x, want %x and the end of %x", n, alpha, got, want[:size], a)
				}
				if n%8 == 0 && wide != finite {
					t.Fatalf("n=%d alpha=%v: finite is %v, want %v", n, alpha, wide, finite)
				}
			}
		}
	}
}
