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

// Samples deviate independently: of the half whose expected margin is a little below zero, some become correct, while
// the other half is far above and no common deviation is large enough.
func TestSamplesBendForThemselves(t *testing.T) {
	t.Parallel()
	f := newForecast(grid(11), known(1000, func(k, i int) float64 {
		if i != 5 {
			return 0.3
		}
		return 0.3 + 2*float64(k%2) - 1
	}))
	sum := 0.0
	for _, count := range f.counts {
		sum += count[2] / draws
	}
	expected := 0.0
	for _, mean := range f.means {
		if mean[2] > 0 {
			expected++
		}
	}
	if expected != 500 || !(sum >= 520 && sum <= 750) {
		t.Errorf("got %v of 1000 right on average, %v by their expected margins, want 520 to 750 and 500", sum, expected)
	}
}

// A sample that was passed at the ends only deviates like the mean of the others.
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
	// The line between the ends is shrunk by some 1e-4, because diffuse is finite.
	if got := f.means[99][5]; !(math.Abs(got-1) <= 1e-3) {
		t.Errorf("in the middle: got %v, want 1", got)
	}
	if got := f.means[99][0]; got != -1 {
		t.Errorf("at the end: got %v, want -1", got)
	}
}
