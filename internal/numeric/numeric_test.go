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
