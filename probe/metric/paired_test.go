package metric

import (
	"math"
	"slices"
	"testing"
)

func TestDiscordant(t *testing.T) {
	t.Parallel()
	y := []int64{0, 1, 2, 3, 4}
	a, b := Right([]int64{0, 1, 0, 3, 0}, y), Right([]int64{1, 1, 2, 0, 0}, y)
	if onlyA, onlyB := Discordant(a, b); onlyA != 2 || onlyB != 1 {
		t.Errorf("got %d, %d, want 2, 1", onlyA, onlyB)
	}
}

// Of the 16 signs of 1, 2, 3, 4 two are as far from zero as the sum 10, and six as far as 6.
func TestSignFlip(t *testing.T) {
	t.Parallel()
	const flips = 40000
	for _, tt := range []struct {
		d    []float64
		want float64
	}{{[]float64{1, 2, 3, 4}, 2.0 / 16}, {[]float64{-2, 1, 3, 4}, 6.0 / 16}, {[]float64{0, 0}, 1}, {nil, 1}} {
		got := SignFlip(tt.d, flips, 3)
		if slack := 4 * math.Sqrt(tt.want*(1-tt.want)/flips); !(math.Abs(got-tt.want) <= slack+1.0/flips) {
			t.Errorf("%v: got %v, want %v", tt.d, got, tt.want)
		}
	}
	// 0.1 + 0.2 + 0.3 depends on the order of the sum; the p-value must not.
	d := []float64{0.3, 0.1, 0.2, -0.6}
	if got := SignFlip(d, 1000, 1); got != 1 {
		t.Errorf("a sum of zero: got %v, want 1", got)
	}
	// Thirds, tenths and the like must tie as integers do.
	whole, parts := []float64{3, -1, 2, 5, -4, 1, 1, 2, -3}, make([]float64, 9)
	for i, d := range whole {
		parts[i] = d / 35
	}
	if got, want := SignFlip(parts, 2000, 1), SignFlip(whole, 2000, 1); got != want {
		t.Errorf("thirty-fifths: got %v, want %v", got, want)
	}
	long := slices.Repeat([]float64{1, -0.5, 0, 0.25}, 100)
	if got, again := SignFlip(long, 999, 7), SignFlip(long, 999, 7); got != again || got != 0.001 {
		t.Errorf("far from zero: got %v and %v, want 0.001 twice", got, again)
	}
}

// Beyond 64 differences signs are drawn one by one: the sum of 130 ones has the standard deviation sqrt(130), so that
// 22 is 1.93 of them.
func TestSignFlipOfMany(t *testing.T) {
	t.Parallel()
	d := make([]float64, 130)
	for i := range d {
		d[i] = 1
		if i < 54 {
			d[i] = -1
		}
	}
	// P(|X - 65| >= 11) of 130 fair coins.
	want := 0.0
	for k := range 55 {
		want += 2 * binomialHalf(130, k)
	}
	if got := SignFlip(d, 20000, 1); !(math.Abs(got-want) <= 4*math.Sqrt(want/20000)) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Holm's procedure: 4 x .01, then the maximum of that and 3 x .013, and so on.
func TestHolm(t *testing.T) {
	t.Parallel()
	got := Holm([]float64{0.04, 0.01, 0.9, 0.013})
	want := []float64{0.08, 0.04, 0.9, 0.04}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-12) {
			t.Errorf("got %v, want %v", got, want)
			break
		}
	}
	if got := Holm([]float64{0.6, 0.7}); !slices.Equal(got, []float64{1, 1}) {
		t.Errorf("got %v, want at most 1", got)
	}
	if got := Holm(nil); len(got) != 0 {
		t.Errorf("of none: got %v", got)
	}
}
