package bench

import (
	"strings"
	"testing"
)

func mixed(alpha, oa, robust float64) Validated {
	return Validated{ID: "m", Params: []Param{{"alpha", alpha}}, OA: Number(oa), Robust: Number(robust), N: 100}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		choice Choice
		list   []Validated
		want   float64
	}{
		{"highest", Choice{Rule: "accuracy"}, []Validated{mixed(0, 0.7, 1), mixed(0.5, 0.9, 0), mixed(1, 0.8, 0)}, 0.5},
		{"tie", Choice{Rule: "accuracy"}, []Validated{mixed(1, 0.9, 0), mixed(0.6, 0.9, 0), mixed(0.3, 0.9, 0), mixed(0, 0.1, 0)}, 0.3},
		{"plain models do not count", Choice{Rule: "accuracy"}, []Validated{{OA: 1}, mixed(0.5, 0.2, 0)}, 0.5},
		{"robust", Choice{Rule: "robustness", Points: 0.05}, []Validated{mixed(0, 0.80, 0.9), mixed(0.5, 0.86, 0.7), mixed(1, 0.9, 0.5)}, 0.5},
		{"nothing given away", Choice{Rule: "robustness"}, []Validated{mixed(0, 0.80, 0.9), mixed(0.5, 0.86, 0.7), mixed(1, 0.9, 0.5)}, 1},
		{"knee", Choice{Rule: "knee"}, []Validated{mixed(0, 0.5, 0.9), mixed(0.25, 0.85, 0.88), mixed(0.5, 0.87, 0.7), mixed(1, 0.9, 0.5)}, 0.25},
		{"no knee", Choice{Rule: "knee"}, []Validated{mixed(0, 0.5, 0.9), mixed(1, 0.9, 0.5)}, 1},
		{"robust tie", Choice{Rule: "robustness", Points: 0.5}, []Validated{mixed(1, 0.9, 0.5), mixed(0.5, 0.8, 0.5)}, 0.5},
	}
	for _, tt := range tests {
		if got := tt.choice.apply(tt.list); got == nil || *got.Alpha != tt.want || got.OnTest {
			t.Errorf("%s: got %+v, want %v", tt.name, got, tt.want)
		}
	}
	for _, list := range [][]Validated{{{OA: 1}}, {{Params: []Param{{"alpha", 1}}, OA: unknown}}} {
		if got := (Choice{Rule: "accuracy"}).apply(list); got != nil {
			t.Errorf("nothing to choose: got %+v", got)
		}
	}
}

func TestChoiceRefuses(t *testing.T) {
	t.Parallel()
	for want, choice := range map[string]Choice{
		`unknown rule "best"`: {Rule: "best"},
		"loss of 150 points":  {Rule: "robustness", Points: 1.5},
		"needs corruptions":   {Rule: "robustness"},
	} {
		plan := fakePlan()
		plan.Suite, plan.Choose = "", choice
		if _, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", choice, err, want)
		}
	}
}

// A choice by robustness looks at corrupted validation samples that its probe was not
// fitted on, and never at test data.
func TestChooseByRobustness(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		plan := fakePlan()
		plan.Choose = Choice{Rule: "robustness", Points: 0.02}
		if own {
			plan.Val = &ellipsoids{"val", 30, 3}
		}
		res := mustRun(t, plan)
		for _, m := range res.Models {
			if m.ValidationRobustness == nil || !(*m.ValidationRobustness > 0.3) {
				t.Errorf("%s: validation %s, robustness %s", m.ID, asJSON(t, m.Validation), asJSON(t, m.ValidationRobustness))
			}
		}
		if c := res.Chosen; c == nil || c.Robustness == nil || !strings.Contains(c.Rule, "lose at most 2 points") {
			t.Errorf("chosen: %s", asJSON(t, c))
		}
		plan.Tests = testOn(&ellipsoids{"other", 60, 77})
		if again := mustRun(t, plan); asJSON(t, again.Chosen) != asJSON(t, res.Chosen) {
			t.Errorf("other test data: chosen %s, want %s", asJSON(t, again.Chosen), asJSON(t, res.Chosen))
		}
	}
}

// What test data chose is marked.
func TestChooseOnTestIsMarked(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Choose = Choice{OnTest: true}
	res := mustRun(t, plan)
	if !res.Chosen.OnTest || res.Chosen.Validation != res.Models[2].Clean.OA || !strings.Contains(strings.Join(res.Notes, "\n"), "CHOSEN ON TEST DATA") {
		t.Errorf("chosen %s, notes %q", asJSON(t, res.Chosen), res.Notes)
	}
	plan.Choose = Choice{}
	if res := mustRun(t, plan); res.Chosen.OnTest || strings.Contains(strings.Join(res.Notes, "\n"), "CHOSEN ON TEST DATA") {
		t.Errorf("a choice by validation data is marked: %q", res.Notes)
	}
}

// Samples by which is chosen are never scored by a probe that was fitted on them.
func TestNoProbeJudgesItsOwnSamples(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		plan := fakePlan()
		plan.Choose = Choice{Rule: "knee"}
		if own {
			plan.Val = &ellipsoids{"val", 30, 3}
		}
		r, err := newRun(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[role]int{}
		for _, w := range r.spec.views() {
			seen[w.role]++
			judge, held := r.spec.judge(1, w), r.spec.heldProbe(1)
			if isHeld := judge == held; isHeld != (!own && w.role != onTest) {
				t.Errorf("own validation data %v, %s: judged by the probe that held samples out: %v", own, r.spec.name(w), isHeld)
			}
		}
		if seen[corruptedValidation] != 35 || seen[onTest] != 36 {
			t.Errorf("views: %v", seen)
		}
		r.close()
	}
}
