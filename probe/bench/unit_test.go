package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/store"
)

// small returns a plan of 3 x (1 + 1 + 3) units.
func small() Plan {
	plan := fakePlan()
	plan.Corruptions, plan.Severities, plan.KeepFeatures = []string{"jitter"}, []int{1, 3, 5}, true
	return plan
}

// passes runs a plan in a folder and returns the number of forward passes.
func passes(t *testing.T, plan Plan, root string) (*Outcome, int64) {
	t.Helper()
	e := &engine{}
	plan.Engine = e
	out := mustRunAt(t, plan, root)
	if e.open.Load() != 0 {
		t.Errorf("%d models are left open", e.open.Load())
	}
	return out, e.calls.Load()
}

// Existing units are not computed again, and a change of the plan computes what depends on it and nothing else.
func TestUnitsAreReused(t *testing.T) {
	t.Parallel()
	const train, val, test = 6, 2, 3 // forward passes of 90, 30 and 45 samples in batches of 16
	variantPasses := int64(train + val + 4*test)
	tests := []struct {
		name string
		edit func(p *Plan)
		want int64
	}{
		{"nothing", func(*Plan) {}, 0},
		{"another variant", func(p *Plan) { p.Variants = alphas(0, 0.25, 0.5, 1) }, variantPasses},
		{"fewer variants", func(p *Plan) { p.Variants = alphas(1) }, 0},
		{"other order", func(p *Plan) { p.Variants = alphas(1, 0.5, 0) }, 0},
		{"C of the probe", func(p *Plan) { p.Fit.C = 0.1 }, 0},
		{"test data", func(p *Plan) { p.Tests = testOn(&ellipsoids{"test", 45, 3}) }, 3 * 4 * test},
		{"training data", func(p *Plan) { p.Train = &ellipsoids{"train", 90, 9} }, 3 * train},
		{"validation data", func(p *Plan) { p.Vals = valOn(&ellipsoids{"val", 30, 9}) }, 3 * 2},
		{"a severity", func(p *Plan) { p.Severities = []int{1, 2, 3, 5} }, 3 * test},
		{"seed", func(p *Plan) { p.Seed = 7 }, 3 * 3 * test}, // of corruptions
		{"batch", func(p *Plan) { p.Batch = 45 }, 3 * (2 + 1 + 4)},
		{"tensor", func(p *Plan) { p.Tensor = "other" }, 3 * variantPasses},
		{"rule", func(p *Plan) { p.Choose = choose.Choice{Rule: "robustness"} }, 3 * 1 * 2},
		{"another test set", func(p *Plan) {
			p.Tests = append(p.Tests, Test{Name: "more", Data: &ellipsoids{"more",
				16, 4}})
		}, 3 * 4},
	}
	root := t.TempDir()
	first, n := passes(t, small(), root)
	if want := 3 * variantPasses; n != want || first.NCached != 0 {
		t.Errorf("first: %d passes, %d units cached, want %d and 0", n, first.NCached, want)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := t.TempDir()
			if err := os.CopyFS(at, os.DirFS(root)); err != nil {
				t.Fatal(err)
			}
			plan := small()
			tt.edit(&plan)
			plan.Replace = true
			got, n := passes(t, plan, at)
			if n != tt.want {
				t.Errorf("%d passes, want %d", n, tt.want)
			}
			if want := mustRun(t, plan); asJSON(t, got.Result) != asJSON(t, want) {
				t.Errorf("got\n%s\nwant\n%s", asJSON(t, got.Result), asJSON(t, want))
			}
			if n == 0 && got.NCached != got.NUnits {
				t.Errorf("%d of %d units are cached", got.NCached, got.NUnits)
			}
		})
	}
}

// Without stored features, a finished run needs no forward pass either.
func TestScoresAreReused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := small()
	plan.KeepFeatures = false
	first, _ := passes(t, plan, root)
	if _, err := os.Stat(filepath.Join(root, "units", unit.Features)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("features are kept")
	}
	again, n := passes(t, plan, root)
	if n != 0 || asJSON(t, again.Result) != asJSON(t, first.Result) || again.NCached != again.NUnits {
		t.Errorf("again: %d passes, %d cached", n, again.NCached)
	}
}

// A run that is stopped at any pass can be continued, and its result equals that of a run that was not stopped.
func TestStoppedRunGoesOn(t *testing.T) {
	t.Parallel()
	want := asJSON(t, mustRun(t, small()))
	for _, keep := range []bool{true, false} {
		root := t.TempDir()
		r := rand.New(rand.NewPCG(1, 2))
		stops := 0
		for {
			ctx, cancel := context.WithCancel(t.Context())
			stop := 1 + r.Int64N(7)
			plan := small()
			plan.KeepFeatures = keep
			plan.Engine = &engine{hook: func(n int64) {
				if n == stop {
					cancel()
				}
			}}
			out, err := Run(ctx, plan, folderAt(t, root, fmt.Sprint("worker", stops)), nil)
			cancel()
			if err == nil {
				if got := asJSON(t, out.Result); got != want {
					t.Errorf("after %d stops: got\n%s\nwant\n%s", stops, got, want)
				}
				break
			}
			if stops++; !errors.Is(err, context.Canceled) || stops > 1000 {
				t.Fatalf("stop %d: %v", stops, err)
			}
		}
		if stops < 5 {
			t.Errorf("features kept %v: stopped %d times only", keep, stops)
		}
	}
}

// Damaged units are computed again and reported; the result is the same.
func TestDamagedUnits(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{unit.Features, unit.Probe, unit.Scores} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			want := mustRunAt(t, small(), root)
			paths, err := filepath.Glob(filepath.Join(root, "units", kind, "*", "*.npz"))
			if err != nil || len(paths) == 0 {
				t.Fatal(paths, err)
			}
			for i, path := range paths {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if i%2 == 0 {
					data = data[:len(data)/2]
				} else {
					data[len(data)/3]++
				}
				if err := os.WriteFile(path, data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			plan := small()
			if kind == unit.Features {
				plan.Fit.C, plan.Replace = 2, true // so that the features are read
				want = mustRunAt(t, plan, t.TempDir())
			}
			got := mustRunAt(t, plan, root)
			if asJSON(t, got.Result) != asJSON(t, want.Result) {
				t.Errorf("got\n%s\nwant\n%s", asJSON(t, got.Result), asJSON(t, want.Result))
			}
			if len(got.Events) == 0 || !strings.Contains(got.Events[0],
				"is computed again") || !strings.Contains(got.Events[0], ".npz") {
				t.Errorf("events: %q", got.Events)
			}
		})
	}
}

// Files of units that were exchanged are found by their closing lines, and computed again. Files without the line, of
// an earlier version, are read and counted.
func TestExchangedUnits(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{unit.Features, unit.Probe, unit.Scores} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			want := mustRunAt(t, small(), root)
			paths, err := filepath.Glob(filepath.Join(root, "units", kind, "*", "*.npz"))
			if err != nil || len(paths) < 2 {
				t.Fatal(paths, err)
			}
			for i := 1; i < len(paths); i += 2 {
				other := paths[i] + ".other"
				err := errors.Join(os.Rename(paths[i], other), os.Rename(paths[i-1], paths[i]), os.Rename(other, paths[i-1]))
				if err != nil {
					t.Fatal(err)
				}
			}
			plan := small()
			if kind == unit.Features {
				plan.Fit.C, plan.Replace = 2, true // so that the features are read
				want = mustRunAt(t, plan, t.TempDir())
			}
			got := mustRunAt(t, plan, root)
			if asJSON(t, got.Result) != asJSON(t, want.Result) {
				t.Errorf("got\n%s\nwant\n%s", asJSON(t, got.Result), asJSON(t, want.Result))
			}
			if len(got.Events) == 0 || !strings.Contains(got.Events[0], "the file holds another unit") {
				t.Errorf("events: %q", got.Events)
			}
		})
	}
}

func TestUnitsWithoutAName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	want := mustRunAt(t, small(), root)
	paths, err := filepath.Glob(filepath.Join(root, "units", unit.Scores, "*", "*.npz"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data[:strings.LastIndex(string(data), "wiseft.unit/1")], 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, n := passes(t, small(), root)
	if n != 0 || asJSON(t, got.Result) != asJSON(t, want.Result) {
		t.Errorf("%d passes, and the result\n%s\nwant\n%s", n, asJSON(t, got.Result), asJSON(t, want.Result))
	}
	if want := fmt.Sprint(len(paths), " stored results"); len(got.Events) != 1 || !strings.HasPrefix(got.Events[0], want) {
		t.Errorf("events %q, want %q", got.Events, want)
	}
}

// Any number of shares, in folders of their own that are gathered or in one folder at once, gives the result of one
// worker.
func TestShares(t *testing.T) {
	t.Parallel()
	want := asJSON(t, mustRun(t, small()))
	for _, count := range []int{2, 7, 40} {
		root := t.TempDir()
		together := folderAt(t, root, "collector")
		calls, last := int64(0), ""
		for i := range count {
			plan := small()
			e := &engine{}
			plan.Engine, plan.Share = e, unit.Share{Index: i, Count: count}
			own := t.TempDir()
			last = own
			out := mustRunAt(t, plan, own)
			if out.Result != nil && count > 1 || out.Missing == 0 {
				t.Errorf("share %d of %d has a result", i, count)
			}
			calls += e.calls.Load()
			if _, err := together.Collect(own); err != nil {
				t.Fatal(err)
			}
		}
		if calls != 3*(6+2+4*3) {
			t.Errorf("%d shares: %d forward passes", count, calls)
		}
		if out, err := Collect(t.Context(), together, nil); err == nil {
			t.Errorf("%d shares: collected without a plan: %+v", count, out)
		}
		plan, err := os.ReadFile(filepath.Join(last, "plan.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "plan.json"), plan, 0o666); err != nil {
			t.Fatal(err)
		}
		out, err := Collect(t.Context(), together, nil)
		if err != nil || out.Result == nil || asJSON(t, out.Result) != want {
			t.Errorf("%d shares: collected %v, want\n%s", count, err, want)
		}
		again, n := passes(t, small(), root)
		if n != 0 || asJSON(t, again.Result) != want {
			t.Errorf("%d shares: %d more passes", count, n)
		}
	}
}

// Missing units are counted, and the result is made once they exist.
func TestCollectWithMissingUnits(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := small()
	plan.Share = unit.Share{Index: 1, Count: 3}
	mustRunAt(t, plan, root)
	out, err := Collect(t.Context(), folderAt(t, root, "collector"), nil)
	if err != nil || out.Result != nil || out.Missing != 12 {
		t.Errorf("collected %+v (%v)", out, err)
	}
}

// Concurrent workers in one folder, with and without shares, give the result of one.
func TestWorkersRace(t *testing.T) {
	t.Parallel()
	want := asJSON(t, mustRun(t, small()))
	for name, share := range map[string]func(i int) unit.Share{
		"all":   func(int) unit.Share { return unit.Share{} },
		"steal": func(i int) unit.Share { return unit.Share{Index: i, Count: 4, Steal: true} },
	} {
		root := t.TempDir()
		e := &engine{}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				plan := small()
				plan.Engine, plan.Share = e, share(i)
				folder, err := store.Open(root, fmt.Sprint("worker", i))
				if err != nil {
					t.Error(err)
					return
				}
				defer folder.Close()
				out, err := Run(t.Context(), plan, folder, nil)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if out.Result != nil && asJSON(t, out.Result) != want {
					t.Errorf("%s: worker %d has another result", name, i)
				}
			})
		}
		wg.Wait()
		// The units of one worker, and for each other worker at most once the unit that another has claimed.
		if n := e.calls.Load(); n > 3*(6+4*3)+3*6 {
			t.Errorf("%s: %d forward passes", name, n)
		}
		out, n := passes(t, small(), root)
		if n != 0 || asJSON(t, out.Result) != want {
			t.Errorf("%s: %d more passes", name, n)
		}
		if left, _ := filepath.Glob(filepath.Join(root, "claims", "*")); len(left) > 0 {
			t.Errorf("%s: claims are left: %v", name, left)
		}
	}
}

// labelled is a data set whose samples all have one label.
type labelled struct {
	datasets.Dataset
	label int64
}

func (d labelled) Label(int) int64 { return d.label }
func (d labelled) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	err := d.Dataset.Read(ctx, dst, i)
	dst.Label = d.label
	return err
}

// The fake model has as many features as there are classes, so that they can serve as class scores.
func TestOwnHead(t *testing.T) {
	t.Parallel()
	plan := small()
	plan.Train, plan.OwnHead = nil, true
	res := mustRun(t, plan)
	if res.Settings.Validation != "data of its own" || !res.Settings.OwnHead {
		t.Errorf("settings %s", asJSON(t, res.Settings))
	}
	for _, m := range res.Models {
		// Without a probe, the largest mean coordinate is the answer, which is little better than chance.
		if m.Probe != nil || !(m.Clean.OA > 0.2 && m.Clean.OA < 0.8) || !m.Clean.NLL.Known() ||
			m.Corruptions["jitter"] == nil || m.Validation == nil {
			t.Errorf("got %s", asJSON(t, m))
		}
	}
	if res.Chosen == nil {
		t.Error("nothing is chosen")
	}
	plan.Vals, plan.Choose = nil, choose.Choice{}
	if res := mustRun(t, plan); !res.Chosen.ByConvention() || res.Models[0].Validation != nil {
		t.Errorf("without validation data: chosen %s", asJSON(t, res.Chosen))
	}
	plan.Tests = testOn(labelled{plan.Tests[0].Data, 3})
	_, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil)
	if err == nil || !strings.Contains(err.Error(), "has label 3, but") || !strings.Contains(err.Error(), "--labels") {
		t.Errorf("a label beyond the head: %v", err)
	}
}

// Stored corruptions give the result of the same corruptions computed.
func TestStoredCorruptions(t *testing.T) {
	t.Parallel()
	want := mustRun(t, small())
	plan := small()
	clean := plan.Tests[0].Data
	plan.Tests[0].Corrupted = func(_ context.Context, name string, severity int) (datasets.Dataset, error) {
		c, _ := corrupt.Lookup(name)
		return corrupt.Wrap(clean, c, severity, 0)
	}
	got := mustRun(t, plan)
	if asJSON(t, got.Models) != asJSON(t, want.Models) {
		t.Errorf("got\n%s\nwant\n%s", asJSON(t, got.Models), asJSON(t, want.Models))
	}
	if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes,
		"only if these are the published files") || strings.Contains(notes, "self-made") {
		t.Errorf("notes %q", got.Notes)
	}
	for want, ds := range map[string]datasets.Dataset{
		"has 44 samples, but the clean data test has 45": &ellipsoids{"test", 44, 2},
		"the files do not hold the same samples":         edited{clean, func(i int) int64 { return int64(i+1) % 3 }, nil},
	} {
		plan.Tests[0].Corrupted = func(context.Context, string, int) (datasets.Dataset, error) { return ds, nil }
		if _, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"),
			nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// With a warm start every probe starts from that of the variant before; the optimum is the same, and any shares give
// the bytes of one worker.
func TestWarmStart(t *testing.T) {
	t.Parallel()
	for _, vals := range [][]Val{nil, valOn(&ellipsoids{"val", 30, 3})} {
		plan := small()
		plan.Vals, plan.Choose, plan.Variants = vals, choose.Choice{}, alphas(0, 0.45, 0.5)
		cold := mustRun(t, plan)
		plan.WarmStart = true
		warm := mustRun(t, plan)
		for i, m := range warm.Models {
			c := cold.Models[i]
			if i > 0 && m.Probe.Iterations == c.Probe.Iterations && m.Probe.GradientNorm == c.Probe.GradientNorm {
				t.Errorf("%s: the fit went as if it had started from zero", m.ID)
			}
			if math.Abs(m.Probe.Objective/c.Probe.Objective-1) > 1e-8 || m.Clean.OA != c.Clean.OA {
				t.Errorf("%s: another optimum: %s, cold %s", m.ID, asJSON(t, m.Probe), asJSON(t, c.Probe))
			}
		}
		root := t.TempDir()
		for _, i := range []int{2, 1, 0} { // the last variant comes first and has to wait
			part := plan
			part.Share = unit.Share{Index: i, Count: 3}
			mustRunAt(t, part, root)
		}
		out, n := passes(t, plan, root)
		if n != 0 || asJSON(t, out.Result) != asJSON(t, warm) {
			t.Errorf("three shares: %d more passes, result\n%s\nwant\n%s", n, asJSON(t, out.Result), asJSON(t, warm))
		}
	}
}
