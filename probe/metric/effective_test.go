package metric

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// Models on the line logit(ood) = 1.1 logit(id) - 1 have no effective robustness; one whose
// accuracy is 5 points above it has 5 points.
func TestEffectiveRobustness(t *testing.T) {
	t.Parallel()
	line := func(id float64) float64 { return 1 / (1 + math.Exp(1-1.1*math.Log(id/(1-id)))) }
	id := []float64{0.6, 0.7, 0.85, 0.9}
	ood := make([]float64, len(id))
	for i := range id {
		ood[i] = line(id[i])
	}
	b, err := FitBaseline(id, ood, 1000, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if !(math.Abs(b.Slope-1.1) <= 1e-12) || !(math.Abs(b.Intercept+1) <= 1e-12) || !(math.Abs(b.R2-1) <= 1e-12) ||
		b.Models != 4 {
		t.Errorf("got %+v, want slope 1.1, intercept -1, R2 1", b)
	}
	if got := b.Effective(0.8, line(0.8)+0.05, 1000); !(math.Abs(got-0.05) <= 1e-12) {
		t.Errorf("got %v, want 0.05", got)
	}
	ood[1] += 0.1
	if b, err = FitBaseline(id, ood, 1000, 1000); err != nil || !(b.R2 > 0.5 && b.R2 < 0.99) {
		t.Errorf("off the line: got R2 %v, %v", b.R2, err)
	}
}

// An accuracy of 1 on 50 samples counts as 99 %.
func TestLogitOfCertainty(t *testing.T) {
	t.Parallel()
	want := math.Log(99)
	if got := Logit(1, 50); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("of 1: got %v, want %v", got, want)
	}
	if got := Logit(0, 50); !(math.Abs(got+want) <= 1e-12) {
		t.Errorf("of 0: got %v, want %v", got, -want)
	}
	b, err := FitBaseline([]float64{0.5, 1}, []float64{0, 0.5}, 50, 50)
	if err != nil || !(math.Abs(b.Slope-1) <= 1e-12) {
		t.Errorf("line through the ends: got %+v, %v, want slope 1", b, err)
	}
}

func TestFitBaselineRefuses(t *testing.T) {
	t.Parallel()
	for _, id := range [][]float64{nil, {0.8}, {0.8, 0.8, 0.8}} {
		if _, err := FitBaseline(id, make([]float64, len(id)), 10, 10); !errors.Is(err, ErrFewBaselines) {
			t.Errorf("%v: got %v, want %v", id, err, ErrFewBaselines)
		}
	}
	for _, bad := range []float64{math.NaN(), 76.1, -0.1} {
		_, err := FitBaseline([]float64{0.5, bad}, []float64{0.5, 0.6}, 10, 10)
		if err == nil || errors.Is(err, ErrFewBaselines) {
			t.Errorf("accuracy %v: got %v", bad, err)
		}
	}
}

func TestPareto(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		x, y []float64
		want []int
		knee int // -1 = none
	}{
		{"none", nil, nil, nil, -1},
		{"one", []float64{1}, []float64{1}, []int{0}, -1},
		{"one beats all", []float64{1, 3, 2}, []float64{1, 3, 3}, []int{1}, -1},
		{"two", []float64{1, 2}, []float64{2, 1}, []int{0, 1}, -1},
		{"equal ones", []float64{1, 2, 2}, []float64{2, 1, 1}, []int{0, 1}, -1},
		{"equal in x", []float64{1, 1, 0}, []float64{1, 2, 3}, []int{2, 1}, -1},
		{"NaN", []float64{1, math.NaN(), 3}, []float64{1, 5, math.NaN()}, []int{0}, -1},
		{"on a line", []float64{0, 1, 2}, []float64{2, 1, 0}, []int{0, 1, 2}, -1},
		{"under the line", []float64{0, 1, 2}, []float64{2, 0.5, 0}, []int{0, 1, 2}, -1},
		{"knee", []float64{0.70, 0.80, 0.79, 0.60, 0.805}, []float64{0.60, 0.50, 0.59, 0.58, 0.30}, []int{0, 2, 1, 4}, 2},
	} {
		if got := Pareto(tt.x, tt.y); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		knee, ok := Knee(tt.x, tt.y)
		if ok != (tt.knee >= 0) || ok && knee != tt.knee {
			t.Errorf("%s: got knee %d, %v, want %d", tt.name, knee, ok, tt.knee)
		}
	}
}
