package bench

import (
	"math"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// gridPlan returns a plan of eleven alphas.
func gridPlan() Plan {
	plan := fakePlan()
	plan.Suite, plan.Train, plan.Vals = "", &ellipsoids{"train", 300, 1}, valOn(&ellipsoids{"val", 75, 5})
	plan.Variants = alphas(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
	return plan
}

// A search chooses the alpha of the whole grid or a neighbour, with a third of the samples, and a second search in
// the same folder needs no pass.
func TestSearch(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(p *Plan){
		"half":        func(*Plan) {},
		"every probe": func(p *Plan) { p.Fit.Solver = "ridge" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := gridPlan()
			edit(&plan)
			e := &engine{}
			plan.Engine = e
			want := mustRun(t, plan).Chosen
			grid := e.samples.Load()
			root := t.TempDir()
			e.samples.Store(0)
			found, err := Search(t.Context(), plan, folderAt(t, root, "worker"), nil)
			if err != nil {
				t.Fatal(err)
			}
			f := found.Found
			if math.Abs(f.Chosen-*want.Alpha) > 0.11 || len(found.Variants) < 2 || len(found.Variants) > 3 || len(f.Grid) != 11 {
				t.Errorf("found %s, the grid chooses %v", asJSON(t, f), *want.Alpha)
			}
			// The whole grid passes its 45 test samples as well.
			passed := e.samples.Load()
			if share := float64(passed) / float64(grid-11*45); share > 0.345 || math.Abs(share*11-f.Passes) > 0.2 {
				t.Errorf("%.3f of the grid's samples are passed, %v passes of 11 are told", share, f.Passes)
			}
			e.samples.Store(0)
			again, err := Search(t.Context(), plan, folderAt(t, root, "worker"), nil)
			if err != nil || asJSON(t, again.Found) != asJSON(t, f) || e.samples.Load() != 0 {
				t.Errorf("again: %d samples are passed (%v)", e.samples.Load(), err)
			}
			res := mustRunAt(t, found, root)
			if res.Settings.Search == nil || res.Chosen == nil {
				t.Errorf("the result does not describe the search: %s", asJSON(t, res.Settings))
			}
		})
	}
}

// With all samples passed, a probe between the ends equals the one that a run fits.
func TestSearchWithoutInterpolationIsExact(t *testing.T) {
	t.Parallel()
	plan := gridPlan()
	root := t.TempDir()
	want := mustRunAt(t, plan, root)
	r, err := newRun(t.Context(), plan, folderAt(t, root, "worker"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	s := &searching{run: r, grid: []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}}
	for _, i := range []int{0, 10, 5} {
		margins, err := s.evaluate(t.Context(), i, nil)
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for _, m := range margins {
			if m > 0 {
				right++
			}
		}
		got, want := float64(right)/float64(len(margins)), float64(want.Models[i].Validation.OA)
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("alpha %v: accuracy %v, the run has %v", s.grid[i], got, want)
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(p *Plan){
		"only parameter is alpha": func(p *Plan) { p.Variants = []Variant{variant{alpha: 1, plain: true}} },
		"increasing order":        func(p *Plan) { p.Variants = alphas(1, 0.5) },
		"is not trained":          func(p *Plan) { p.OwnHead = true },
		"supports only the rule":  func(p *Plan) { p.Choose.OnTest = true },
		"the rule accuracy, on ":  func(p *Plan) { p.Choose.Rule = "knee" },
		"needs validation data":   func(p *Plan) { p.Vals = nil },
		"one set of validation":   func(p *Plan) { p.Vals = append(p.Vals, p.Vals[0]) },
		"cannot be shared":        func(p *Plan) { p.Share.Count = 2 },
		"training data is needed": func(p *Plan) { p.Train = nil },
	} {
		plan := gridPlan()
		edit(&plan)
		_, err := Search(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil)
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestMargins(t *testing.T) {
	t.Parallel()
	p := &result.Predictions{Y: []int64{0, 2}, Classes: 3, Scores: []float64{3, 1, 2.5, 4, 0, -1}}
	if got := p.Margins(); len(got) != 2 || got[0] != 0.5 || got[1] != -5 {
		t.Errorf("got %v", got)
	}
}
