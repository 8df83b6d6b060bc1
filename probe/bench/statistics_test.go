package bench

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
)

// The statistics of a result are those that package metric computes from the answers.
func TestStatistics(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plan := fakePlan()
	plan.Variants = alphas(0, 0.5, 1)
	res := mustRunAt(t, plan, root).Result
	stats := res.Statistics
	if stats.Against != res.Chosen.ID || len(stats.Comparisons) != 2 {
		t.Fatalf("compared with %q: %s", stats.Against, asJSON(t, stats.Comparisons))
	}
	by := map[string]*result.Model{}
	for _, m := range res.Models {
		by[m.ID] = m
		i := m.Intervals
		if !(i.Clean[0] < m.Clean.OA && m.Clean.OA < i.Clean[1]) || !(i.MOA[0] < m.Exact.MOA && m.Exact.MOA < i.MOA[1]) ||
			!(i.MCE[0] < m.Exact.MCE && m.Exact.MCE < i.MCE[1]) || !(i.RMCE[0] < m.Exact.RMCE && m.Exact.RMCE < i.RMCE[1]) ||
			len(i.Corruptions) != 7 {
			t.Errorf("%s: intervals %s of %s", m.ID, asJSON(t, i), asJSON(t, m.Exact))
		}
		if m.Corrupted.Cells != 35 || !(m.Corrupted.ECE > 0) || math.Abs(float64(m.ErrorRate+m.Exact.MOA-1)) > 1e-12 {
			t.Errorf("%s: corrupted %s, error rate %v", m.ID, asJSON(t, m.Corrupted), m.ErrorRate)
		}
	}
	for _, c := range stats.Comparisons {
		a, b := by[c.A], by[c.B]
		if math.Abs(float64(c.Clean.Difference-(a.Clean.OA-b.Clean.OA))) > 1e-12 ||
			math.Abs(float64(c.MOA.Difference-(a.Exact.MOA-b.Exact.MOA))) > 1e-12 ||
			!(c.MOA.P > 0 && c.MOA.P <= c.MOA.PHolm && c.MOA.PHolm <= 1) || !(c.Clean.P <= c.Clean.PHolm) {
			t.Errorf("%s", asJSON(t, c))
		}
		got, err := Compare(folderAt(t, root, "reader"), c.A, c.B)
		if err != nil {
			t.Fatal(err)
		}
		on := got.Tests[0]
		if on.Clean.Difference != c.Clean.Difference || on.MOA.P != c.MOA.P || on.MCE == nil || len(on.Corruptions) != 7 ||
			on.N != 45 {
			t.Errorf("compared on demand: %s", asJSON(t, got))
		}
		for name, d := range on.Corruptions {
			want := mean(a.Corruptions[name].OABySeverity) - mean(b.Corruptions[name].OABySeverity)
			if math.Abs(float64(d.Difference)-want) > 1e-12 {
				t.Errorf("%s: %s", name, asJSON(t, d))
			}
		}
	}
	if _, err := Compare(folderAt(t, root, "reader"), "alpha=0",
		"alpha=7"); err == nil || !strings.Contains(err.Error(), "alpha=0.5") {
		t.Errorf("a model that is not there: %v", err)
	}
}

func mean(values [metric.Severities]result.Number) (sum float64) {
	for _, v := range values {
		sum += float64(v) / metric.Severities
	}
	return sum
}

// The ends of the mixes lie on their own line; named baselines replace them.
func TestEffectiveRobustness(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	res := mustRun(t, plan)
	if res.Baseline == nil || !reflect.DeepEqual(res.Baseline.Models,
		[]string{"alpha=0", "alpha=1"}) || res.Baseline.Note == "" {
		t.Fatalf("baseline %s", asJSON(t, res.Baseline))
	}
	for i, m := range res.Models {
		if e := float64(*m.EffectiveRobustness); (math.Abs(e) < 1e-12) != (i != 1) {
			t.Errorf("%s: effective robustness %v", m.ID, e)
		}
	}
	plan.Baselines = []string{"alpha=0", "alpha=0.5", "alpha=1"}
	res = mustRun(t, plan)
	if res.Baseline == nil || len(res.Baseline.Models) != 3 || res.Baseline.Note != "" || !(res.Baseline.R2 < 1) {
		t.Errorf("baseline %s", asJSON(t, res.Baseline))
	}
	plan.Baselines = []string{"alpha=2"}
	if _, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"),
		nil); err == nil || !strings.Contains(err.Error(), `no model "alpha=2"`) {
		t.Errorf("a baseline that is not there: %v", err)
	}
}

// A suite without a reference has mean errors, and no corruption errors.
func TestSuiteWithoutReference(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Suite, plan.Variants = "modelnet40-c", alphas(1)
	res := mustRun(t, plan)
	m := res.Models[0]
	if !m.MOA.Known() || !m.ErrorRate.Known() || m.MCE.Known() || m.RMCE.Known() || m.Intervals.MOA == nil ||
		m.Intervals.MCE != nil || res.Reference != nil {
		t.Errorf("got %s", asJSON(t, m))
	}
	if notes := strings.Join(res.Notes, "\n"); !strings.Contains(notes,
		"self-made corruptions; not comparable") || strings.Contains(notes, "only a part") {
		t.Errorf("notes %q", res.Notes)
	}
}

// Another reference gives other corruption errors.
func TestAnotherReference(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Variants = alphas(1)
	first := mustRun(t, plan)
	ref, err := metric.LookupReference("scanobjectnn-c")
	if err != nil {
		t.Fatal(err)
	}
	plan.Reference = &ref
	other := mustRun(t, plan)
	if other.Reference.Name != ref.Name || other.Models[0].MCE == first.Models[0].MCE ||
		other.Models[0].MOA != first.Models[0].MOA {
		t.Errorf("against %s: %s", other.Reference.Name, asJSON(t, other.Models[0].Exact))
	}
	var back unit.Spec
	root := t.TempDir()
	mustRunAt(t, plan, root)
	spec, err := ReadSpec(root)
	if back = *spec; err != nil || !reflect.DeepEqual(back.Settings.Reference, &ref) {
		t.Errorf("the reference in the plan: %s (%v)", asJSON(t, back.Settings.Reference), err)
	}
}

// The paired bootstrap of a difference resamples the same clouds for both models: it is as wide as Student's interval
// of the differences, and much narrower than an unpaired one.
func TestBootstrapIsPaired(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 5))
	a, b := make([]bool, 1000), make([]bool, 1000)
	for i := range a {
		a[i] = r.Float64() < 0.7
		b[i] = a[i] != (r.Float64() < 0.05)
	}
	d := compareAccuracy(a, b)
	width := func(i [2]result.Number) float64 { return float64(i[1] - i[0]) }
	if ratio := width(d.Bootstrap) / width(d.Interval); !(ratio > 0.85 && ratio < 1.15) {
		t.Errorf("the bootstrap's interval %v is %.2f times as wide as %v", d.Bootstrap, ratio, d.Interval)
	}
	if !(d.Bootstrap[0] < d.Difference && d.Difference < d.Bootstrap[1]) {
		t.Errorf("%v is not within %v", d.Difference, d.Bootstrap)
	}
	back := compareAccuracy(b, a)
	if back.Difference != -d.Difference || !(math.Abs(float64(back.Bootstrap[0]+d.Bootstrap[1])) < 0.005) {
		t.Errorf("the other way around: %v, %v; want minus %v, %v", back.Difference, back.Bootstrap, d.Difference,
			d.Bootstrap)
	}
}
