package bench

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
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
	for _, severities := range [][]int{nil, {2, 4}} {
		plan := fakePlan()
		plan.Choose = choose.Choice{Rule: "robustness", Points: 0.02, Severities: severities}
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
	plan.Choose = choose.Choice{OnTest: true, Rule: "accuracy"}
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

// Without validation data nothing is chosen: alpha .5 is marked, and the result says why. Without alpha .5, or with
// further parameters, no mix is.
func TestNothingIsChosenWithoutValidationData(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Vals, plan.Choose = nil, choose.Choice{}
	res := mustRun(t, plan)
	c := res.Chosen
	if c == nil || *c.Alpha != 0.5 || c.RuleName != result.Convention || c.Validation.Known() ||
		c.Rule != "not chosen: no unseen validation data" || !strings.Contains(c.Reason, "--val") {
		t.Errorf("chosen: %s", asJSON(t, c))
	}
	if res.Settings.Validation != "" || res.Models[0].Validation != nil {
		t.Errorf("validation %q", res.Settings.Validation)
	}
	plan.Variants = alphas(0, 1)
	if c := mustRun(t, plan).Chosen; c != nil {
		t.Errorf("without alpha .5: chosen %s", asJSON(t, c))
	}
}

// Every validation set has figures; one of them, or the mean of all, chooses.
func TestSeveralValidationSets(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Vals = append(plan.Vals, Val{Name: "hard", Data: &ellipsoids{"hard", 60, 9}})
	plan.Choose = choose.Choice{Rule: "robustness", Points: 0.05}
	res := mustRun(t, plan)
	if got, want := res.NUnits, 3*(1+2*8+36); got != want || len(res.Settings.MoreVals) != 1 {
		t.Errorf("units: got %d, want %d; settings %s", got, want, asJSON(t, res.Settings.MoreVals))
	}
	m := res.Models[0]
	if m.Validation.N != 30 || len(m.MoreValidation) != 1 || m.MoreValidation[0].N != 60 {
		t.Errorf("got %s", asJSON(t, m))
	}
	chosen := res.Chosen.ID
	for _, m := range res.Models {
		if mean := (m.Validation.OA + m.MoreValidation[0].OA) / 2; m.ID == chosen && math.Abs(float64(mean-res.Chosen.Validation)) > 1e-12 {
			t.Errorf("chosen with %v, the mean is %v", res.Chosen.Validation, mean)
		}
	}
	plan.Choose.Val = "hard"
	res = mustRun(t, plan)
	if got, want := res.NUnits, 3*(1+1+8+36); got != want || !strings.HasSuffix(res.Chosen.Rule, "(of hard)") {
		t.Errorf("on one set: %d units, want %d; rule %q", got, want, res.Chosen.Rule)
	}
	plan.Choose.Val = "soft"
	if _, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "w"), nil); err == nil {
		t.Error("a set that does not exist chooses")
	}
}

// Validation data that the fine-tuned model has seen is named.
func TestSeenValidationDataIsNamed(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Suite = ""
	if notes := strings.Join(mustRun(t, plan).Notes, "\n"); strings.Contains(notes, "a sign that") {
		t.Errorf("unseen data: %s", notes)
	}
	// Labels of the test data that are wrong half of the time stand for a model that is better on data it has seen:
	// at alpha 0 the features say little, and no labels are predicted well.
	plan.Variants = []Variant{blind{variant{alpha: 0}}, variant{alpha: 0.5}, variant{alpha: 1}}
	plan.Vals = valOn(&ellipsoids{"val", 300, 3})
	plan.Tests = testOn(shifted{&ellipsoids{"test", 300, 2}})
	if notes := strings.Join(mustRun(t, plan).Notes, "\n"); !strings.Contains(notes,
		"val: validation accuracy of the fine-tuned model is") {
		t.Errorf("seen data: %s", notes)
	}
}

// shifted has the label of another class for every second triple of samples.
type shifted struct{ *ellipsoids }

func (d shifted) Label(i int) int64 { return int64((i + i/3%2) % 3) }
func (d shifted) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	err := d.ellipsoids.Read(ctx, dst, i)
	dst.Label = d.Label(i)
	return err
}

// blind is a variant whose features are nearly noise.
type blind struct{ variant }

func (v blind) Model(context.Context, string) (Model, error) {
	return Model{ONNX: probe.Source{Bytes: []byte("-1000")}}, nil
}
