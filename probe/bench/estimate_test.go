package bench

import (
	"testing"
	"time"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/protocol"
	"github.com/wiseft/wiseft/probe/store"
)

// A dry run counts exactly the fits that a run makes, and none when that is done.
func TestEstimateCountsFits(t *testing.T) {
	t.Parallel()
	plan := withTransfer("other")
	dir := t.TempDir()
	before, err := EstimateRun(t.Context(), plan, store.Look(dir))
	if err != nil {
		t.Fatal(err)
	}
	// A head for each variant; of six classes 3 SVMs, two tasks of 10 folds (5-way alone), neighbours and a probe.
	variants := len(plan.Variants) + len(plan.Controls)
	if want := variants * (1 + len(plan.Probes) + 3 + 2*10 + 1 + 1); before.Fits != want || before.FitSeconds <= 0 {
		t.Errorf("%d fits in %g s, want %d", before.Fits, before.FitSeconds, want)
	}
	folder, err := store.Open(dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), plan, folder, nil); err != nil {
		t.Fatal(err)
	}
	after, err := EstimateRun(t.Context(), plan, store.Look(dir))
	if err != nil {
		t.Fatal(err)
	}
	if after.Fits != 0 || after.FitSeconds != 0 || after.Passes != 0 {
		t.Errorf("after the run %d fits in %g s and %d passes are missing", after.Fits, after.FitSeconds, after.Passes)
	}
}

// The time of fits grows with rows, classes and epochs; that of neighbours with the product of both numbers of rows.
func TestFitCost(t *testing.T) {
	t.Parallel()
	c := fitCost{fit: 2, predict: 3}
	x := protocol.Fits{Count: 5, Rows: 7, Classes: 11, Tested: 13}
	if got, want := c.of(x), 5.0*(2*7*11+3*13); got != want {
		t.Errorf("%g, want %g", got, want)
	}
	c.keeps = true
	if got, want := c.of(x), 5.0*(2*7*11+3*13*7); got != want {
		t.Errorf("neighbours: %g, want %g", got, want)
	}
}

// The estimate of a fit with many epochs is within a factor of its time. The bound, 5, is for machines that other programs
// share; epochs that are not counted would be a factor of 40.
func TestTimeFitOfEpochs(t *testing.T) {
	t.Parallel()
	f := &feature.Set{Dim: 64}
	for i := range 640 {
		for j := range f.Dim {
			f.X = append(f.X, float32((i*j+i)%17))
		}
		f.Y = append(f.Y, int64(i%4))
	}
	opt := fit.Options{Solver: "mlp", Epochs: 40 * timedEpochs, Hidden: []int{32}, Workers: 1}
	few := f.Subset(mixed(64), "timed")
	estimate, err := timeFits(t.Context(), []protocol.Fits{{Count: 1, Rows: f.Len(), Classes: 4, Options: opt}}, few)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, _, err := fit.Fit(t.Context(), f, opt); err != nil {
		t.Fatal(err)
	}
	if ratio := estimate / time.Since(began).Seconds(); !(ratio > 0.2 && ratio < 5) {
		t.Errorf("the estimate is %.2g times the time", ratio)
	}
}

func mixed(n int) (idx []int) {
	for i := range n {
		idx = append(idx, i)
	}
	return idx
}

// The samples that are timed are of as many classes as there are.
func TestMixedClasses(t *testing.T) {
	t.Parallel()
	ds := &spheroids{"six", 6, 300, 7}
	seen := map[int64]int{}
	for _, i := range mixedClasses(ds, 14) {
		seen[ds.Label(i)]++
	}
	if len(seen) != 6 || seen[0] != 3 || seen[5] != 2 {
		t.Errorf("classes %v", seen)
	}
	if n := len(mixedClasses(ds, 1000)); n != 300 {
		t.Errorf("%d of 300 samples", n)
	}
}
