package bench

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// A validator's scores of a model equal those of a run, whatever was scored before; test data has no influence.
func TestValidatorScoresLikeARun(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Suite, plan.Vals = "", append(plan.Vals, Val{Name: "more", Data: &ellipsoids{"more", 45, 4}})
	var last Progress
	v, err := NewValidator(t.Context(), plan, 3, func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []float64{1, 0, 1} {
		plan.Variants = alphas(a)
		m := mustRun(t, plan).Models[0]
		want := append([]*result.Score{m.Validation}, m.MoreValidation...)
		got, report, err := v.Score(t.Context(), variant{alpha: a}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			brief(s)
		}
		if asJSON(t, got) != asJSON(t, want) || !report.Converged || report.N != 90 {
			t.Errorf("alpha %g: got %s of %d samples, want %s", a, asJSON(t, got), report.N, asJSON(t, want))
		}
	}
	if last.Units != last.TotalUnits || last.Samples != last.TotalSamples || last.Units == 0 {
		t.Errorf("at the end: %+v", last)
	}
	settings, err := v.Settings(t.Context())
	if err != nil || settings.Tests != nil || settings.Train.N != 90 || len(settings.Vals()) != 2 {
		t.Errorf("settings %s (%v)", asJSON(t, settings), err)
	}
}

func TestValidatorRefuses(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Train = nil
	if _, err := NewValidator(t.Context(), plan, 1, nil); err == nil {
		t.Error("no training data is accepted")
	}
	plan = fakePlan()
	plan.Vals = nil
	if _, err := NewValidator(t.Context(), plan, 1, nil); err == nil || !strings.Contains(err.Error(),
		"validation data is needed") {
		t.Errorf("no validation data gives %v", err)
	}
	e := &engine{points: 32}
	plan = fakePlan()
	plan.Engine = e
	v, err := NewValidator(t.Context(), plan, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Score(t.Context(), variant{alpha: 1},
		""); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "alpha=1: train: sample 0") {
		t.Errorf("a model of 32 points gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := v.Score(ctx, variant{alpha: 1}, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if e.open.Load() != 0 {
		t.Errorf("%d models stay open", e.open.Load())
	}
}
