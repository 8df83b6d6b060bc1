package bench

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/unit"
)

func TestChoiceRefuses(t *testing.T) {
	t.Parallel()
	for want, choice := range map[string]choose.Choice{
		`there is no rule "best"`: {Rule: "best"},
		"loss of 150 points":      {Rule: "robustness", Points: 1.5},
		"needs corruptions":       {Rule: "robustness"},
	} {
		plan := fakePlan()
		plan.Suite, plan.Choose = "", choice
		if _, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"),
			nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", choice, err, want)
		}
	}
}

// The rule "robustness" uses corrupted validation samples on which the probe was not fitted, and never test data.
func TestChooseByRobustness(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		plan := fakePlan()
		plan.Choose = choose.Choice{Rule: "robustness", Points: 0.02}
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

// A choice by test data is marked in the result.
func TestChooseOnTestIsMarked(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Choose = choose.Choice{OnTest: true}
	res := mustRun(t, plan)
	if !res.Chosen.OnTest || res.Chosen.Validation != res.Models[2].Clean.OA ||
		!strings.Contains(strings.Join(res.Notes, "\n"), "CHOSEN ON TEST DATA") {
		t.Errorf("chosen %s, notes %q", asJSON(t, res.Chosen), res.Notes)
	}
	plan.Choose = choose.Choice{}
	if res := mustRun(t, plan); res.Chosen.OnTest || strings.Contains(strings.Join(res.Notes, "\n"),
		"CHOSEN ON TEST DATA") {
		t.Errorf("a choice by validation data is marked: %q", res.Notes)
	}
}

// Validation samples are never scored by a probe that was fitted on them.
func TestNoProbeJudgesItsOwnSamples(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		plan := fakePlan()
		plan.Choose = choose.Choice{Rule: "knee"}
		if own {
			plan.Val = &ellipsoids{"val", 30, 3}
		}
		r, err := newRun(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[unit.Role]int{}
		for _, w := range r.spec.Views() {
			seen[w.Role]++
			judge, held := r.spec.ScoringProbe(1, w), r.spec.HeldProbe(1)
			if isHeld := judge == held; isHeld != (!own && w.Role != unit.OnTest) {
				t.Errorf("own validation data %v, %s: judged by the probe that held samples out: %v", own, r.spec.Name(w), isHeld)
			}
		}
		if seen[unit.CorruptedValidation] != 35 || seen[unit.OnTest] != 36 {
			t.Errorf("views: %v", seen)
		}
		r.close()
	}
}
