package bench

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/picture"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// conventionPlan is a plan whose mix with alpha .5 is marked, and compared with the fine-tuned end.
func conventionPlan() Plan {
	plan := fakePlan()
	plan.Vals, plan.Choose.Rule = nil, ""
	return plan
}

func TestChangesAreThoseOfPredictions(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	res := mustRunAt(t, conventionPlan(), root).Result
	c := res.Changes
	if c == nil || c.Model != "alpha=0.5" || c.Against != "alpha=1" {
		t.Fatalf("got %+v", c)
	}
	b := builderAt(t, root)
	rescued, lost, right, against := 0, 0, 0, 0
	for i, cond := range c.Conditions {
		p, q := mustScores(t, b, 1, i), mustScores(t, b, 2, i)
		onlyP, onlyQ := metric.Discordant(metric.Right(p.Class, p.Y), metric.Right(q.Class, q.Y))
		if cond.Rescued != onlyP || cond.Lost != onlyQ || cond.N != len(p.Y) || cond.Right != countRight(metric.Right(p.Class, p.Y)) {
			t.Errorf("condition %d: got %+v, want %d rescued and %d lost", i, cond, onlyP, onlyQ)
		}
		if i == 0 && (len(c.Rescued) != onlyP || len(c.Lost) != onlyQ) {
			t.Errorf("clean: %d and %d samples, want %d and %d", len(c.Rescued), len(c.Lost), onlyP, onlyQ)
		}
		rescued, lost, right = rescued+onlyP, lost+onlyQ, right+cond.Right
		against += countRight(metric.Right(q.Class, q.Y))
	}
	if rescued == 0 || lost == 0 {
		t.Fatalf("%d rescued, %d lost: the test needs both", rescued, lost)
	}
	got := [3]int{}
	for _, class := range c.Classes {
		got[0], got[1] = got[0]+sum(class.Model), got[1]+sum(class.Against)
		if sum(class.Of) != 15*len(c.Conditions) || class.N != 15 {
			t.Errorf("class %d: %d answers of %d samples", class.Label, sum(class.Of), class.N)
		}
	}
	for _, pair := range c.Confusion {
		if pair.Label == pair.Prediction {
			got[2] += pair.Model + pair.ModelCorrupted
		}
	}
	if want := [3]int{right, against, right}; got != want {
		t.Errorf("right answers by class and by confusion: got %v, want %v", got, want)
	}
}

func TestLargestChanges(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	c := mustRunAt(t, conventionPlan(), root).Changes
	b, most := builderAt(t, root), map[bool]float64{} // by whether it is rescued
	for i := range c.Conditions {
		p, q := mustScores(t, b, 1, i), mustScores(t, b, 2, i)
		for s, margin := range p.ProbMargins() {
			if right := p.Class[s] == p.Y[s]; right != (q.Class[s] == q.Y[s]) {
				most[right] = max(most[right], math.Abs(margin-q.ProbMargins()[s]))
			}
		}
	}
	if got, want := shift(c.Largest[0]), most[true]; got != want || !c.Largest[0].Rescued() {
		t.Errorf("the first is rescued: %v, by %g; want %g", c.Largest[0].Rescued(), got, want)
	}
	lost := slices.IndexFunc(c.Largest, (*result.SampleAnswer).Lost)
	if got, want := shift(c.Largest[lost]), most[false]; got != want {
		t.Errorf("the first that is lost changed by %g, want %g", got, want)
	}
	seen := map[int]bool{}
	for i, a := range c.Largest {
		if a.Rescued() == a.Lost() || seen[a.Sample] {
			t.Errorf("%d: sample %d: rescued %v, lost %v, twice: %v", i, a.Sample, a.Rescued(), a.Lost(), seen[a.Sample])
		}
		seen[a.Sample] = true
		if before := c.Largest[max(i-1, 0)]; a.Rescued() == before.Rescued() && shift(a) > shift(before) {
			t.Errorf("%d: the margin changed by %g, and before it by %g", i, shift(a), shift(before))
		}
		if (float64(a.Margin) > 0) != a.Rescued() || math.Abs(float64(a.Margin)) > 1 {
			t.Errorf("%d: margin %g", i, float64(a.Margin))
		}
	}
	if got, want := len(c.Largest), maxLargest; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	if got, want := len(c.Strip), 1+7*3; got != want {
		t.Errorf("strip: got %d, want %d", got, want)
	}
}

func TestSamplesAreThoseThatWereScored(t *testing.T) {
	t.Parallel()
	root, plan := t.TempDir(), conventionPlan()
	res := mustRunAt(t, plan, root).Result
	if err := LoadSamples(store.Look(root), res); err != nil {
		t.Fatal(err)
	}
	answers := res.Changes.Pictured()
	if len(res.Samples) != len(answers) {
		t.Fatalf("%d samples for %d answers", len(res.Samples), len(answers))
	}
	for i, a := range answers {
		var clean, s datasets.Sample
		data := plan.Tests[0].Data
		if err := data.Read(t.Context(), &clean, a.Sample); err != nil {
			t.Fatal(err)
		}
		if a.Corruption != "" {
			var err error
			if data, err = generate(data, a.Corruption, a.Severity, plan.Seed); err != nil {
				t.Fatal(err)
			}
		}
		if err := data.Read(t.Context(), &s, a.Sample); err != nil {
			t.Fatal(err)
		}
		want := picture.FrameOf(clean.X).Normalize(s.X)
		if !slices.EqualFunc(res.Samples[i].Points, want, func(a, b float32) bool {
			return math.Abs(float64(a)-min(max(float64(b), -result.SampleReach), result.SampleReach)) < 1e-3 // a step is 1/8191
		}) {
			t.Errorf("%d: sample %d under %q %d is another one", i, a.Sample, a.Corruption, a.Severity)
		}
	}
}

func TestCollectHasTheChangesOfTheRun(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	want := asJSON(t, mustRunAt(t, conventionPlan(), root).Result)
	if err := os.RemoveAll(root + "/units/" + unit.Samples); err != nil {
		t.Fatal(err)
	}
	out, err := Collect(t.Context(), folderAt(t, root, "collector"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := asJSON(t, out.Result); got != want {
		t.Error("the result of Collect differs from that of Run")
	}
}

func TestDamagedSamples(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	res := mustRunAt(t, conventionPlan(), root).Result
	key := res.Changes.Samples
	path := root + "/units/" + unit.Samples + "/" + key[:2] + "/" + key + ".npz"
	if err := os.WriteFile(path, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := LoadSamples(store.Look(root), res); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error with the path", err)
	}
	again := mustRunAt(t, conventionPlan(), root)
	if err := LoadSamples(store.Look(root), again.Result); err != nil || len(again.Events) == 0 {
		t.Errorf("after the second run: %v; events %q", err, again.Events)
	}
	for _, key := range []string{"../../etc", "a", "é"} {
		res.Changes.Samples = key
		if err := LoadSamples(store.Look(root), res); err != nil {
			t.Errorf("%q, which is no key: %v", key, err)
		}
	}
}

func builderAt(t *testing.T, root string) *builder {
	t.Helper()
	spec, err := ReadSpec(root)
	if err != nil {
		t.Fatal(err)
	}
	return &builder{spec: spec, folder: folderAt(t, root, "reader"), event: func(string) {}, result: &result.Result{}}
}

func mustScores(t *testing.T, b *builder, v, cell int) *result.Predictions {
	t.Helper()
	p, err := b.scores(v, unit.View{Role: unit.OnTest, Cell: cell})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}
