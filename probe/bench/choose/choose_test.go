package choose

import (
	"slices"
	"testing"
)

// mixed returns a mix with accuracies on one validation set of a thousand samples and ten conditions.
func mixed(alpha, oa, robust float64) Candidate {
	a := Answers{Right: make([]bool, 1000), Corrupted: make([]int, 1000), Conditions: 10}
	for i := range a.Right {
		a.Right[i] = i < int(1000*oa+.5)
		if i < int(1000*robust+.5) {
			a.Corrupted[i] = 10
		}
	}
	return Candidate{Params: []float64{alpha}, Vals: []Answers{a}}
}

// plain returns a model that is no mix.
func plain(oa float64) Candidate {
	c := mixed(0, oa, 0)
	c.Params = nil
	return c
}

// answered returns a mix with 0 and 1 for wrong and right answers.
func answered(alpha float64, text string) Candidate {
	a := Answers{}
	for _, c := range text {
		a.Right = append(a.Right, c == '1')
	}
	return Candidate{Params: []float64{alpha}, Vals: []Answers{a}}
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
		{"plain models do not count", Choice{Rule: "accuracy"}, []Candidate{plain(1), mixed(0.5, 0.2, 0)}, 0.5},
		{"robust", Choice{Rule: "robustness", Points: 0.05},
			[]Candidate{mixed(0, 0.80, 0.9), mixed(0.5, 0.86, 0.7), mixed(1, 0.9, 0.5)}, 0.5},
		{"nothing given away", Choice{Rule: "robustness"},
			[]Candidate{mixed(0, 0.80, 0.9), mixed(0.5, 0.86, 0.7), mixed(1, 0.9, 0.5)}, 1},
		{"knee", Choice{Rule: "knee"}, []Candidate{mixed(0, 0.5, 0.9), mixed(0.25, 0.85, 0.88), mixed(0.5, 0.87,
			0.7), mixed(1, 0.9, 0.5)}, 0.25},
		{"no knee", Choice{Rule: "knee"}, []Candidate{mixed(0, 0.5, 0.9), mixed(1, 0.9, 0.5)}, 1},
		{"exactly at the limit", Choice{Rule: "robustness", Points: 0.03},
			[]Candidate{mixed(0, 0.87, 0.9), mixed(1, 0.9, 0.5)}, 0},
		{"one sample beyond it", Choice{Rule: "robustness", Points: 0.03},
			[]Candidate{mixed(0, 0.869, 0.9), mixed(1, 0.9, 0.5)}, 1},
		{"one standard error", Choice{Rule: "one-standard-error"}, []Candidate{answered(0, "0000111111"),
			answered(.25, "0011111111"), answered(.5, "0111111111"), answered(.75, "1011111111"),
			answered(1, "1101111111")}, 0.5},
		{"robust tie", Choice{Rule: "robustness", Points: 0.5}, []Candidate{mixed(1, 0.9, 0.5), mixed(0.5, 0.8, 0.5)}, 0.5},
	}
	for _, tt := range tests {
		if got := tt.choice.Best(tt.list); got < 0 || tt.list[got].Params[0] != tt.want {
			t.Errorf("%s: got %d of %+v, want alpha %v", tt.name, got, tt.list, tt.want)
		}
	}
	for _, list := range [][]Candidate{{plain(1)}, {{Params: []float64{1}}}} {
		if got := (Choice{Rule: "accuracy"}).Best(list); got != -1 {
			t.Errorf("nothing to choose: got %d", got)
		}
	}
}

// Without a rule, corruptions decide between robustness at a loss of a point and one standard error.
func TestDefaultRule(t *testing.T) {
	t.Parallel()
	with, without := Choice{}.WithDefaults(true), Choice{}.WithDefaults(false)
	if with.Rule != "robustness" || with.Points != 0.01 || !slices.Equal(with.Severities, DefaultSeverities) {
		t.Errorf("with corruptions: %+v", with)
	}
	if without.Rule != "one-standard-error" || without.Severities != nil || without.NeedsCells() {
		t.Errorf("without corruptions: %+v", without)
	}
	if kept := (Choice{Rule: "robustness"}).WithDefaults(true); kept.Points != 0 {
		t.Errorf("a loss of nothing becomes %g", kept.Points)
	}
}

// Several validation sets count alike, whatever their sizes.
func TestSeveralValidationSets(t *testing.T) {
	t.Parallel()
	a, b := answered(0, "1111111100"), answered(1, "1111111111")
	a.Vals = append(a.Vals, answered(0, "11").Vals...)
	b.Vals = append(b.Vals, answered(1, "10").Vals...)
	if got := a.OA(); got != 0.9 {
		t.Errorf("mean accuracy %v, want .9", got)
	}
	if got := (Choice{Rule: "accuracy"}).Best([]Candidate{a, b}); got != 0 {
		t.Errorf("got %d: the larger set alone decides", got)
	}
}

// Mixes that differ on few samples cannot be told apart, those that differ on many can.
func TestIndistinguishable(t *testing.T) {
	t.Parallel()
	list := []Candidate{mixed(0, 0.7, 0.9), mixed(0.5, 0.898, 0.8), mixed(0.6, 0.899, 0.7), mixed(1, 0.9, 0.8)}
	if got := (Choice{Rule: "accuracy"}).Indistinguishable(list, 3); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("by clean accuracy: got %v", got)
	}
	if got := (Choice{Rule: "robustness"}).Indistinguishable(list, 3); !slices.Equal(got, []int{1}) {
		t.Errorf("by both figures: got %v", got)
	}
}
