package search

import (
	"math"
	"testing"
)

// known returns margins of samples that were passed at the ends and in the middle of 11 alphas.
func known(n int, at func(sample, alpha int) float64) [][]float64 {
	m := make([][]float64, 11)
	for _, i := range []int{0, 5, 10} {
		m[i] = make([]float64, n)
		for k := range n {
			m[i][k] = at(k, i)
		}
	}
	return m
}

// Samples near zero that bend each for itself change sides each for itself: counts stay near a
// half, where a common bend alone would take all of them to one side.
func TestSamplesBendForThemselves(t *testing.T) {
	t.Parallel()
	f := newForecast(grid(11), known(1000, func(k, i int) float64 {
		side := 0.05
		if k%2 == 0 {
			side = -side
		}
		if i == 5 && k%4 < 2 {
			return side + 1
		}
		if i == 5 {
			return side - 1
		}
		return side
	}))
	extreme := 0
	for _, count := range f.counts {
		if count[2] < 100 || count[2] > 900 {
			extreme++
		}
	}
	if extreme > draws/20 {
		t.Errorf("%d of %d draws take nearly all samples to one side", extreme, draws)
	}
}

// A sample that was passed at the ends alone bends as the others do on average.
func TestCommonBend(t *testing.T) {
	t.Parallel()
	m := known(100, func(k, i int) float64 {
		v := -1.0
		if k < 50 {
			v = 5
		}
		if i == 5 {
			v += 2
		}
		return v
	})
	for k := 50; k < 100; k++ {
		m[5][k] = math.NaN()
	}
	f := newForecast(grid(11), m)
	// The line between the ends is shrunk by some 1e-4, because diffuse is not infinite.
	if got := f.means[99][5]; !(math.Abs(got-1) <= 1e-3) {
		t.Errorf("in the middle: got %v, want 1", got)
	}
	if got := f.means[99][0]; got != -1 {
		t.Errorf("at the end: got %v, want -1", got)
	}
}
