package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/choose"
)

func TestAnotherPlanIsRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := small()
	mustRunAt(t, plan, root)
	plan.Fit.C = 3
	_, err := Run(t.Context(), plan, folderAt(t, root, "worker"), nil)
	if _, ok := errors.AsType[*PlanError](err); !ok {
		t.Errorf("another plan gives %v", err)
	}
	spec, err := ReadSpec(root)
	if err != nil || spec.Settings.Fit.C != 1 {
		t.Errorf("the plan that was there: %+v (%v)", spec, err)
	}
}

// An edited or damaged plan is an error, never a panic.
func TestReadSpecRefuses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mustRunAt(t, small(), root)
	path := filepath.Join(root, "plan.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{
		{"wiseft.plan/2", "wiseft.plan/1"}, {`"severity": 3`, `"severity": 9`}, {`"corruption": "jitter",`,
			""}, {`"rule": "accuracy"`, `"rule": "best"`},
		{`"cells"`, `"sells"`}, {`"tests": [`, `"rests": [`}, {`"variants": [`,
			`"variants": [], "x": [`}, {`"train": {`, `"brain": {`}, {"{", "["},
	} {
		bad := strings.Replace(string(good), edit[0], edit[1], 1)
		if bad == string(good) {
			t.Fatalf("the plan has no %s", edit[0])
		}
		if err := os.WriteFile(path, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Collect(t.Context(), folderAt(t, root, "collector"),
			nil); err == nil || !strings.Contains(err.Error(), "plan.json") {
			t.Errorf("%s instead of %s: %v", edit[1], edit[0], err)
		}
	}
}

// A plan with more variants takes the place of its predecessor, and computes what that one did not; one with fewer, or
// with other settings, is another plan.
func TestPlanIsExtended(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := small()
	plan.Variants = alphas(0, 0.5)
	first := mustRunAt(t, plan, root)
	plan.Variants = alphas(0, 0.25, 0.5, 1)
	more, _ := passes(t, plan, root)
	if more.NCached != first.NUnits || more.NUnits != 2*first.NUnits {
		t.Errorf("%d of %d units are cached, want %d of %d", more.NCached, more.NUnits, first.NUnits, 2*first.NUnits)
	}
	if spec, err := ReadSpec(root); err != nil || len(spec.Variants) != 4 {
		t.Errorf("the folder's plan: %+v (%v)", spec, err)
	}
	for name, edit := range map[string]func(p *Plan){
		"fewer":      func(p *Plan) { p.Variants = alphas(0, 0.5) },
		"more and C": func(p *Plan) { p.Variants, p.Fit.C = alphas(0, 0.1, 0.25, 0.5, 1), 3 },
		"rule":       func(p *Plan) { p.Choose = choose.Choice{Rule: "knee"} },
	} {
		other := plan
		edit(&other)
		if _, err := Run(t.Context(), other, folderAt(t, root, "worker"), nil); !isPlanError(err) {
			t.Errorf("%s: got error %v, want a PlanError", name, err)
		}
	}
}

// A plan that cannot be computed leaves its units and no plan, so that the corrected one runs. A share of a plan leaves
// the plan to the others.
func TestFailedPlanBlocksNoOther(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 2} {
		root := t.TempDir()
		bad := small()
		bad.Share.Count = workers
		bad.Engine = &engine{fail: 20}
		_, err := Run(t.Context(), bad, folderAt(t, root, "worker"), nil)
		if err == nil || !strings.Contains(err.Error(), "device lost") {
			t.Fatalf("got error %v", err)
		}
		good := small()
		good.Fit.C = 2
		_, err = Run(t.Context(), good, folderAt(t, root, "worker"), nil)
		if shared := workers > 1; shared != isPlanError(err) || !shared && err != nil {
			t.Errorf("%d workers: the corrected plan gives %v", workers, err)
		}
	}
	// The plan and the result that were there before the failure stay.
	root := t.TempDir()
	mustRunAt(t, small(), root)
	bad := small()
	bad.Variants, bad.Engine = alphas(0, 0.5, 1, 2), &engine{fail: 3}
	if _, err := Run(t.Context(), bad, folderAt(t, root, "worker"), nil); err == nil {
		t.Fatal("a pass that fails is no error")
	}
	if again, n := passes(t, small(), root); n != 0 || again.NCached != again.NUnits {
		t.Errorf("the earlier plan: %d passes, %d of %d units cached", n, again.NCached, again.NUnits)
	}
}

func isPlanError(err error) bool {
	_, ok := errors.AsType[*PlanError](err)
	return ok
}
