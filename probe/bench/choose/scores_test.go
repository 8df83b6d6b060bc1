package choose

import (
	"slices"
	"testing"
)

// TestRulesChooseByScores checks choices by scores of any scale, with and without those of single samples.
func TestRulesChooseByScores(t *testing.T) {
	t.Parallel()
	mix := func(alpha, clean float64, corrupted *float64, samples []float64) Candidate {
		return Candidate{Params: []float64{alpha}, Vals: []Answers{{Scores: &Scores{Clean: clean, Corrupted: corrupted,
			CleanSamples: samples}}}}
	}
	at := func(v float64) *float64 { return &v }
	// The differences to the best have the means 1 and 50 and the standard errors 2 and 1.
	near, far := []float64{-102, -98, -103, -101}, []float64{-151, -149, -150, -150}
	best := []float64{-105, -97, -97, -101}
	for name, test := range map[string]struct {
		choice Choice
		list   []Candidate
		want   int
		alike  []int
	}{
		"accuracy": {Choice{Rule: "accuracy"}, []Candidate{mix(0, -120, nil, nil), mix(0.5, -80.5, nil, nil), mix(1, -80.25, nil, nil)},
			2, nil},
		"one standard error without samples": {Choice{Rule: "one-standard-error"},
			[]Candidate{mix(0, -120, nil, nil), mix(0.5, -80.5, nil, nil), mix(1, -80.25, nil, nil)}, 2, nil},
		"one standard error": {Choice{Rule: "one-standard-error"},
			[]Candidate{mix(0, -101, nil, near), mix(0.5, -150, nil, far), mix(1, -100, nil, best)}, 0, []int{2}},
		"robustness": {Choice{Rule: "robustness", Points: 0.5},
			[]Candidate{mix(0, 7, at(9), nil), mix(0.5, 9.5, at(4), nil), mix(1, 10, at(3), nil)}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.choice.Best(test.list)
			if got != test.want {
				t.Errorf("chose %d, want %d", got, test.want)
			}
			if alike := test.choice.Indistinguishable(test.list, got); !slices.Equal(alike, test.alike) {
				t.Errorf("alike are %v, want %v", alike, test.alike)
			}
		})
	}
}
