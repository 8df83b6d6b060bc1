package bench

import (
	"context"
	"errors"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/store"
)

// planeOn returns a landscape of the alphas, on the samples of the plan's training and validation data.
func planeOn(p Plan, list ...float64) *Landscape {
	l := &Landscape{Plane: result.Landscape{Third: "third", Data: "val"}, Variants: alphas(list...), Train: p.Train, Val: p.Vals[0].Data}
	for i, alpha := range list {
		l.Plane.Points = append(l.Plane.Points, result.LandscapePoint{ID: l.Variants[i].ID(), Kind: result.PathPoint, Alpha: &alpha})
	}
	return l
}

// The loss of a point is the validation loss of the same model in the sweep, on the same samples, in whichever process it is computed; the
// barrier is by the definition; and nothing is computed twice.
func TestLandscape(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Corruptions, plan.Severities, plan.KeepFeatures = []string{"jitter"}, []int{1}, true
	plan.Landscape = planeOn(plan, 0, 0.25, 0.5, 1)
	root := t.TempDir()
	for i := range 2 {
		plan.Share = unit.Share{Index: i, Count: 2}
		mustRunAt(t, plan, root)
	}
	collected, err := Collect(t.Context(), folderAt(t, root, "collect"), nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Share = unit.Share{}
	again := mustRunAt(t, plan, root)
	if got, want := asJSON(t, collected.Result), asJSON(t, again.Result); got != want || again.NCached != again.NUnits {
		t.Errorf("%d of %d units cached; collected and measured results are equal: %t", again.NCached, again.NUnits, got == want)
	}
	losses := map[string]result.Number{}
	for _, m := range again.Models {
		losses[m.ID] = m.Validation.NLL
	}
	l := again.Landscape
	for _, p := range l.Points {
		if want, ok := losses[p.ID]; ok && p.Loss != want || !p.Loss.Known() {
			t.Errorf("%s: loss %v, want %v", p.ID, p.Loss, want)
		}
	}
	if want := l.Points[1].Loss - 0.75*l.Points[0].Loss - 0.25*l.Points[3].Loss; l.Barrier == nil || l.Barrier.Loss < max(want, 0) {
		t.Errorf("the barrier is %+v, and at .25 the loss rises by %v", l.Barrier, want)
	}
	plan.Landscape = nil
	if _, err := Run(t.Context(), plan, folderAt(t, root, "without"), nil); err == nil {
		t.Error("a plan without the landscape takes the place of one with it")
	}
}

// A plan may get a landscape later, and then only its points are computed.
func TestLandscapeIsAdded(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Suite, plan.KeepFeatures = "", true
	root := t.TempDir()
	before := mustRunAt(t, plan, root)
	plan.Landscape = planeOn(plan, 0, 0.75, 1, 0.25)
	plan.Share = unit.Share{Count: 2}
	if out := mustRunAt(t, plan, root); out.Result != nil || out.Missing != 2 {
		t.Errorf("%d units are missing after one of two shares, want those of a point", out.Missing)
	}
	if out, err := Collect(t.Context(), folderAt(t, root, "collect"), nil); err != nil || out.Result != nil || out.Missing != 2 {
		t.Errorf("%d units are missing (%v), want those of a point", out.Missing, err)
	}
	plan.Share = unit.Share{}
	after := mustRunAt(t, plan, root)
	if got, want := after.NUnits-after.NCached, 2; got != want { // 0 and 1 are variants of the plan, on the same samples
		t.Errorf("%d of %d units are computed, want %d; before there were %d", got, after.NUnits, want, before.NUnits)
	}
	e, err := EstimateRun(t.Context(), plan, store.Look(root))
	if err != nil || e.Units != after.NUnits || e.Passes != 0 {
		t.Errorf("the estimate is %+v, %v; want %d units and no pass", e, err, after.NUnits)
	}
}

func TestSetBarrier(t *testing.T) {
	t.Parallel()
	l := &result.Landscape{}
	for i, loss := range []result.Number{1, 1.5, 2.5, 2, 3} {
		alpha := float64(i) / 4
		l.Points = append(l.Points, result.LandscapePoint{Kind: result.PathPoint, Alpha: &alpha, Loss: loss})
	}
	if l.SetBarrier(); l.Barrier == nil || l.Barrier.Loss != 0.5 || l.Barrier.Alpha != 0.5 {
		t.Errorf("the barrier is %+v, want 0.5 at 0.5", l.Barrier)
	}
	l.Points[2].Loss = 2
	if l.SetBarrier(); l.Barrier == nil || l.Barrier.Loss != 0 {
		t.Errorf("the barrier is %+v, want 0", l.Barrier)
	}
	l.Points[4].Loss = result.Unknown()
	if l.SetBarrier(); l.Barrier != nil {
		t.Errorf("the barrier is %+v without the loss of an end", l.Barrier)
	}
}

// The choice before test data is that of the run, and test data cannot make it.
func TestChooseBeforeTestData(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Suite, plan.KeepFeatures = "", true
	root := t.TempDir()
	chosen, err := Choose(t.Context(), plan, folderAt(t, root, "choice"), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := mustRunAt(t, plan, root)
	if out.Chosen.ID != chosen.ID || out.NCached != 2*len(plan.Variants) {
		t.Errorf("chosen before %s, by the run %s; %d units were there", chosen.ID, out.Chosen.ID, out.NCached)
	}
	plan.Vals = nil
	if _, err := Choose(t.Context(), plan, folderAt(t, root, "none"), nil); err == nil {
		t.Error("without validation data something is chosen")
	}
}

// The weights are compared once for a folder, not for a dry run, and are made again if their unit is damaged.
func TestWeightsAreMeasuredOnce(t *testing.T) {
	t.Parallel()
	calls := 0
	plan := fakePlan()
	plan.Suite, plan.KeepFeatures = "", true
	plan.Weights = &Weights{Key: "models", Measure: func(context.Context) (*result.Weights, error) {
		calls++
		return &result.Weights{Model: "alpha=0.5", Unmoved: 7}, nil
	}}
	root := t.TempDir()
	if _, err := EstimateRun(t.Context(), plan, store.Look(root)); err != nil || calls != 0 {
		t.Fatalf("a dry run compares weights %d times (%v)", calls, err)
	}
	for range 2 {
		if out := mustRunAt(t, plan, root); out.Weights == nil || out.Weights.Unmoved != 7 || calls != 1 {
			t.Fatalf("weights %+v, compared %d times", out.Weights, calls)
		}
	}
	collected, err := Collect(t.Context(), folderAt(t, root, "collect"), nil)
	if err != nil || collected.Weights == nil || collected.Weights.Unmoved != 7 {
		t.Errorf("collected %+v, %v", collected.Weights, err)
	}
	plan.Weights.Measure = func(context.Context) (*result.Weights, error) { return nil, errors.New("cannot be read") }
	plan.Weights.Key = "other models"
	if _, err := Run(t.Context(), plan, folderAt(t, root, "failing"), nil); err == nil {
		t.Error("an error of the comparison is not reported")
	}
}
