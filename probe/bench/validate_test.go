package bench

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
)

// A validator's score of a model equals that of a run, with and without validation data, whatever was scored before;
// test data has no influence.
func TestValidatorScoresLikeARun(t *testing.T) {
	t.Parallel()
	for _, val := range []datasets.Dataset{nil, &ellipsoids{"val", 30, 3}} {
		plan := fakePlan()
		plan.Suite, plan.Val = "", val
		var last Progress
		v, err := NewValidator(t.Context(), plan, 3, func(p Progress) { last = p })
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []float64{1, 0, 1} {
			plan.Variants = alphas(a)
			want := mustRun(t, plan).Models[0].Validation
			got, report, err := v.Score(t.Context(), variant{alpha: a}, "")
			if err != nil {
				t.Fatal(err)
			}
			if asJSON(t, got) != asJSON(t, want) || !report.Converged || report.N != map[bool]int{true: 72,
				false: 90}[val == nil] {
				t.Errorf("alpha %g: got %s of %d samples, want %s", a, asJSON(t, got), report.N, asJSON(t, want))
			}
		}
		if last.Units != last.TotalUnits || last.Samples != last.TotalSamples || last.Units == 0 {
			t.Errorf("at the end: %+v", last)
		}
		settings, err := v.Settings(t.Context())
		if err != nil || settings.Tests != nil || settings.Train.N != 90 || (settings.Val != nil) != (val != nil) {
			t.Errorf("settings %s (%v)", asJSON(t, settings), err)
		}
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
	plan.Train = datasets.Subset(plan.Train, []int{0, 1, 2}, "one of each")
	if _, err := NewValidator(t.Context(), plan, 1, nil); err == nil || !strings.Contains(err.Error(),
		"no class has two samples") {
		t.Errorf("data that cannot be split gives %v", err)
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
