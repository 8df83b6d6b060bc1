package npz

import (
	"math"
	"testing"
)

func TestFirstNonFinite(t *testing.T) {
	t.Parallel()
	for n := range 35 {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for at := range n {
				x, y := make([]float64, n), make([]float32, n)
				for i := range x {
					x[i], y[i] = -math.MaxFloat64, math.MaxFloat32
				}
				if got := FirstNonFinite(x); got != -1 {
					t.Fatalf("%d finite values: got %d", n, got)
				}
				x[at], y[at] = bad, float32(bad)
				x[n-1], y[n-1] = bad, float32(bad)
				if got, single := FirstNonFinite(x), FirstNonFinite(y); got != at || single != at {
					t.Fatalf("%d values, %v at %d: got %d and %d", n, bad, at, got, single)
				}
			}
		}
	}
}
