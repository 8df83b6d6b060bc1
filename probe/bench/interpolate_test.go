package bench

import (
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
)

// Samples that were not passed deviate from the line like those of their class, and a class without passed samples
// stays on the line.
func TestInterpolatedFeaturesBendByClass(t *testing.T) {
	t.Parallel()
	y := []int64{0, 0, 0, 1, 1, 2}
	end := func(v float32) *feature.Set {
		x := make([]float32, len(y))
		for i := range x {
			x[i] = v * float32(i+1)
		}
		return &feature.Set{X: x, Dim: 1, Y: y}
	}
	s := &searching{grid: []float64{0, 0.25, 1}}
	s.ends = [2]*feature.Set{end(0), end(4)}
	// On the line, sample i is i + 1. Of class 0, samples 0 and 1 are passed and deviate by .5 and 1.5; of class 1
	// sample 3 by 5.
	passed := &feature.Set{X: []float32{1.5, 3.5, 9}, Dim: 1}
	got := s.interpolated(1, []int{0, 1, 3}, passed).X
	if want := []float32{1.5, 3.5, 3 + 1, 9, 5 + 5, 6}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
