package hinge

import (
	"math"
	"testing"
)

// The search finds the root of a sum of kinks, some of them far closer to 0 than to 1, and ends where rounding makes
// the derivative change its sign.
func TestLineRoot(t *testing.T) {
	t.Parallel()
	for _, root := range []float64{1e-12, 1e-3, 1, 7, 1e6} {
		got := lineRoot(func(t float64) (slope, curve float64) {
			slope, curve = 1e-6*(t-root), 1e-6
			if t > root {
				slope, curve = slope+1e3*(t-root), curve+1e3
			}
			return slope, curve
		})
		if !(math.Abs(got/root-1) <= 1e-8) {
			t.Errorf("root %v: got %v", root, got)
		}
	}
	noise := 0
	got := lineRoot(func(t float64) (slope, curve float64) {
		noise++
		return t - 1 + 1e-11*float64(noise%2+1), 1
	})
	if !(math.Abs(got-1) <= 1e-9) {
		t.Errorf("with noise: got %v, want 1", got)
	}
}
