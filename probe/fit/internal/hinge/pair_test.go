package hinge

import (
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

// The duality gap bounds the distance from the optimum, however early a fit ends.
func TestHingeGapBoundsTheDistance(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(60, 5, 3)
	for i, label := range f.Y {
		f.Y[i] = min(label, 1) // classes of 20 and 40 rows, so that the intercept is not 0
	}
	p := fittest.Problem(f, 0.7)
	p.MaxIter = 100
	members := [2][]int{}
	for i, label := range p.Y {
		members[label] = append(members[label], i)
	}
	fit := func(goal float64) PairOptimum {
		h, err := NewPair(p, members)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Solve(t.Context(), goal); err != nil {
			t.Fatal(err)
		}
		return h.Best
	}
	best := fit(1e-13).Objective
	for goal := 1.0; goal > 1e-11; goal /= 10 {
		at := fit(goal)
		if distance := at.Objective - best; !(at.Gap >= distance-1e-12*best) || !(distance >= -1e-12*best) {
			t.Errorf("goal %v: the gap is %v, the distance %v", goal, at.Gap, distance)
		}
	}
}

// The intercept minimises the sum of hinges; it is the middle of the interval where that is constant.
func TestHingeIntercept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sign, c, target []float64
		want            float64
	}{
		{[]float64{1, -1}, []float64{1, 1}, []float64{3, 1}, 2},
		{[]float64{1, -1}, []float64{1, 2}, []float64{1, 3}, 2}, // no slack between 1 and 3
		{[]float64{1, -1}, []float64{2, 1}, []float64{3, 1}, 3},
		{[]float64{1, -1}, []float64{1, 2}, []float64{3, 1}, 1},
		{[]float64{1, 1, -1, -1}, []float64{1, 1, 1, 1}, []float64{5, 5, 5, 0}, 5},
	} {
		h := &Pair{sign: tt.sign, c: tt.c}
		if got := h.intercept(tt.target); got != tt.want {
			t.Errorf("signs %v, weights %v, targets %v: got %v, want %v", tt.sign, tt.c, tt.target, got, tt.want)
		}
	}
}
