package metric

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The means over the clouds are the figures of the suite.
func TestCloudsAverageToFigures(t *testing.T) {
	t.Parallel()
	const n = 50
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() []bool {
		right := make([]bool, n)
		for i := range right {
			right[i] = r.IntN(3) > 0
		}
		return right
	}
	share := func(right []bool) float64 {
		k := 0
		for _, ok := range right {
			if ok {
				k++
			}
		}
		return float64(k) / n
	}
	ref := modelNetC(t)
	clean, right, oa := draw(), map[string][][]bool{}, map[string][]float64{}
	for _, name := range ref.Corruptions {
		for range Severities {
			cell := draw()
			right[name], oa[name] = append(right[name], cell), append(oa[name], share(cell))
		}
	}
	want, err := ref.Exact(share(clean), oa)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ref.Clouds(clean, right)
	if err != nil {
		t.Fatal(err)
	}
	// 50 sums of a few values of order 1 round by some 1e-15.
	near := func(what string, values []float64, want float64) {
		if got := meanOf(values); !(math.Abs(got-want) <= 1e-12) || len(values) != n {
			t.Errorf("%s: got %v of %d clouds, want %v", what, got, len(values), want)
		}
	}
	near("clean", got.Clean, want.Clean)
	near("mOA", got.MOA, want.MOA)
	near("mCE", got.MCE, want.MCE)
	near("RmCE", got.RMCE, want.RMCE)
	for _, name := range ref.Corruptions {
		near(name, got.OA[name], want.OA[name])
	}
	right["jitter"][2] = right["jitter"][2][1:]
	right["shear"] = nil
	_, err = ref.Clouds(clean, right)
	if e, ok := errors.AsType[*PartialError](err); !ok || !slices.Equal(e.Missing,
		[]string{"jitter"}) || !slices.Equal(e.Unknown, []string{"shear"}) {
		t.Errorf("a cell that lacks a cloud: got %v", err)
	}
}

// Abramowitz and Stegun, table 26.10; and expanded intervals are wider with fewer samples.
func TestStudentQuantile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ p, df, want float64 }{
		{0.975, 5, 2.571}, {0.975, 10, 2.228}, {0.975, 30, 2.042}, {0.995, 10, 3.169}, {0.95, 120, 1.658},
	} {
		if got := studentQuantile(tt.p, tt.df); !(math.Abs(got-tt.want) <= 0.001) {
			t.Errorf("p %v, df %v: got %v, want %v", tt.p, tt.df, got, tt.want)
		}
	}
	figures := make([]float64, 10001)
	for i := range figures {
		figures[i] = float64(i) / 10000
	}
	if got := ExpandedPercentiles(figures, 0.95,
		100); !(math.Abs(got.Low-0.0231) <= 0.0001) || !(math.Abs(got.High-0.9769) <= 0.0001) {
		t.Errorf("100 samples: got %v, want 0.0231 to 0.9769", got)
	}
	if got, want := ExpandedPercentiles(figures, 0.95, 1), middle(figures, (1-0.95)/2); got != want {
		t.Errorf("one sample, which has no deviation: got %v, want %v", got, want)
	}
}
