package choose

import (
	"math"
	"testing"
)

func mixed(alpha, oa, robust float64) Candidate {
	return Candidate{Params: []float64{alpha}, OA: oa, Robust: robust}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		choice Choice
		list   []Candidate
		want   float64
	}{
		{"highest", Choice{Rule: "accuracy"}, []Candidate{mixed(0, 0.7, 1), mixed(0.5, 0.9, 0), mixed(1, 0.8, 0)}, 0.5},
		{"tie", Choice{Rule: "accuracy"}, []Candidate{mixed(1, 0.9, 0), mixed(0.6, 0.9, 0), mixed(0.3, 0.9, 0),
			mixed(0, 0.1, 0)}, 0.3},
		{"plain models do not count", Choice{Rule: "accuracy"}, []Candidate{{OA: 1}, mixed(0.5, 0.2, 0)}, 0.5},
		{"robust", Choice{Rule: "robustness", Points: 0.05},
			[]Candidate{mixed(0, 0.80, 0.9), mixed(0.5, 0.86, 0.7), mixed(1, 0.9, 0.5)}, 0.5},
		{"nothing given away", Choice{Rule: "robustness"},
			[]Candidate{mixed(0, 0.80, 0.9), mixed(0.5, 0.86, 0.7), mixed(1, 0.9, 0.5)}, 1},
		{"knee", Choice{Rule: "knee"}, []Candidate{mixed(0, 0.5, 0.9), mixed(0.25, 0.85, 0.88), mixed(0.5, 0.87,
			0.7), mixed(1, 0.9, 0.5)}, 0.25},
		{"no knee", Choice{Rule: "knee"}, []Candidate{mixed(0, 0.5, 0.9), mixed(1, 0.9, 0.5)}, 1},
		{"robust tie", Choice{Rule: "robustness", Points: 0.5}, []Candidate{mixed(1, 0.9, 0.5), mixed(0.5, 0.8, 0.5)}, 0.5},
	}
	for _, tt := range tests {
		if got := tt.choice.Best(tt.list); got < 0 || tt.list[got].Params[0] != tt.want {
			t.Errorf("%s: got %d of %+v, want alpha %v", tt.name, got, tt.list, tt.want)
		}
	}
	for _, list := range [][]Candidate{{{OA: 1}}, {{Params: []float64{1}, OA: math.NaN()}}} {
		if got := (Choice{Rule: "accuracy"}).Best(list); got != -1 {
			t.Errorf("nothing to choose: got %d", got)
		}
	}
}
