package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

func fakePlan() Plan {
	return Plan{
		Variants: alphas(0, 0.5, 1), Engine: &engine{},
		Train: &ellipsoids{"train", 90, 1}, Vals: valOn(&ellipsoids{"val", 30, 3}), Tests: testOn(&ellipsoids{"test", 45, 2}),
		Suite: "modelnet-c", Batch: 16, Version: "test", Choose: choose.Choice{Rule: "accuracy"},
	}
}

func testOn(ds datasets.Dataset) []Test { return []Test{{Name: "test", Data: ds}} }

func valOn(ds datasets.Dataset) []Val { return []Val{{Name: "val", Data: ds}} }

func folderAt(t *testing.T, root, worker string) *store.Folder {
	t.Helper()
	f, err := store.Open(root, worker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// mustRun runs a plan in a folder of its own.
func mustRun(t *testing.T, plan Plan) *result.Result {
	t.Helper()
	return mustRunAt(t, plan, t.TempDir()).Result
}

func mustRunAt(t *testing.T, plan Plan, root string) *Outcome {
	t.Helper()
	out, err := Run(t.Context(), plan, folderAt(t, root, "worker"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRunWholeSuite(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	res := mustRun(t, plan)
	if got, want := len(res.Models), 3; got != want {
		t.Fatalf("models: got %d, want %d", got, want)
	}
	if got, want := res.NUnits, 3*(1+1+36); got != want {
		t.Errorf("units: got %d, want %d", got, want)
	}
	for _, m := range res.Models {
		if len(m.Corruptions) != 7 || !m.MOA.Known() || !m.MCE.Known() || !m.Exact.RMCE.Known() || m.Clean.N != 45 {
			t.Errorf("%s: got %s", m.ID, asJSON(t, m))
		}
		if !m.Probe.Converged || m.Probe.N != 90 || m.Validation.N != 30 {
			t.Errorf("%s: probe fitted on %d, validated on %d: %+v", m.ID, m.Probe.N, m.Validation.N, m.Probe)
		}
	}
	if first, last := res.Models[0].Clean.OA, res.Models[2].Clean.OA; !(last > first) {
		t.Errorf("clean OA: got %v at alpha 1, want more than %v", last, first)
	}
	if res.Chosen == nil || !strings.HasPrefix(res.Chosen.Rule, "highest clean validation accuracy") {
		t.Errorf("chosen: got %+v", res.Chosen)
	}
	const note = "self-made corruptions; not comparable with published ModelNet-C figures"
	if res.Reference == nil || res.Reference.Comparable || res.Reference.Note != note {
		t.Errorf("reference: got %+v", res.Reference)
	}
}

// A condition measured alone has the same features and figures as within a run.
func TestRunMatchesOneCellByHand(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Variants = alphas(0.5)
	res := mustRun(t, plan)

	ex, err := plan.Engine.Open(t.Context(), probe.Source{Bytes: []byte("0.5")}, "", datasets.Info{})
	if err != nil {
		t.Fatal(err)
	}
	features := func(ds datasets.Dataset) *feature.Set {
		f, err := probe.Extract(t.Context(), ex, ds, probe.ExtractOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	cl, _, err := fit.Fit(t.Context(), features(plan.Train), fit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	val, err := result.NewScore(cl, features(plan.Vals[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	jitter, _ := corrupt.Lookup("jitter")
	ds, err := corrupt.Wrap(plan.Tests[0].Data, jitter, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := result.NewScore(cl, features(ds))
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Models[0].Corruptions["jitter"].BySeverity[3]; !reflect.DeepEqual(got, brief(want)) {
		t.Errorf("jitter 4: got %+v, want %+v", got, want)
	}
	if got := res.Models[0].Validation; !reflect.DeepEqual(got, brief(val)) {
		t.Errorf("validation: got %+v, want %+v", got, val)
	}
}

func TestRunDoesNotDependOnWorkers(t *testing.T) {
	t.Parallel()
	want := asJSON(t, mustRun(t, fakePlan()))
	for _, edit := range []func(p *Plan){
		func(p *Plan) { p.Fit.Workers = 1 },
		func(p *Plan) { p.Fit.Workers = 5 },
		func(p *Plan) { p.KeepFeatures = true },
	} {
		plan := fakePlan()
		edit(&plan)
		if got := asJSON(t, mustRun(t, plan)); got != want {
			t.Errorf("workers %d, features kept %v: got\n%s\nwant\n%s", plan.Fit.Workers, plan.KeepFeatures, got, want)
		}
	}
}

// Other test data changes neither probe nor validation nor choice.
func TestTestDataDecidesNothing(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	a := mustRun(t, plan)
	plan.Tests = testOn(&ellipsoids{"other", 60, 77})
	b := mustRun(t, plan)
	if !reflect.DeepEqual(a.Chosen, b.Chosen) {
		t.Errorf("chosen: got %+v and %+v", a.Chosen, b.Chosen)
	}
	for i := range a.Models {
		if !reflect.DeepEqual(a.Models[i].Probe, b.Models[i].Probe) ||
			!reflect.DeepEqual(a.Models[i].Validation, b.Models[i].Validation) {
			t.Errorf("%s: probe or validation differ with the test data", a.Models[i].ID)
		}
	}
}

func TestRunWithValidationData(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Corruptions, plan.Suite = nil, ""
	res := mustRun(t, plan)
	if got, want := res.NUnits, 3*3; got != want {
		t.Errorf("units: got %d, want %d", got, want)
	}
	for _, m := range res.Models {
		if m.Probe.N != 90 || m.Validation.N != 30 || m.MOA.Known() || len(m.Corruptions) != 0 {
			t.Errorf("%s: got %s", m.ID, asJSON(t, m))
		}
	}
	if res.Reference != nil || len(res.Notes) != 0 {
		t.Errorf("a clean run has reference %+v, notes %v", res.Reference, res.Notes)
	}
}

func TestPartialSuiteHasNoMeans(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(p *Plan){
		"corruptions": func(p *Plan) { p.Corruptions = []string{"jitter", "scale"} },
		"severities":  func(p *Plan) { p.Severities = []int{5, 1} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := fakePlan()
			edit(&plan)
			res := mustRun(t, plan)
			m := res.Models[0]
			if m.MOA.Known() || m.MCE.Known() || m.RMCE.Known() || m.Exact.MOA.Known() {
				t.Errorf("got means %s", asJSON(t, m))
			}
			const note = "only a part of modelnet-c was run; mOA, mCE and RmCE exist for the whole suite only"
			if !strings.Contains(strings.Join(res.Notes, "\n"), note) {
				t.Errorf("notes: got %q, want %q", res.Notes, note)
			}
			jitter := m.Corruptions["jitter"]
			if whole := name == "corruptions"; jitter.CE.Known() != whole || jitter.OA.Known() != whole {
				t.Errorf("jitter: got %s", asJSON(t, jitter))
			}
			if name == "severities" && (jitter.OABySeverity[2].Known() || !jitter.OABySeverity[4].Known()) {
				t.Errorf("jitter by severity: got %s", asJSON(t, jitter.OABySeverity))
			}
		})
	}
}

func TestResultJSONHasNoNaN(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Severities = []int{3}
	plan.Variants = []Variant{variant{alpha: 1, plain: true}}
	res := mustRun(t, plan)
	text := asJSON(t, res)
	for _, want := range []string{
		`{"schema":"wiseft.bench/1","models":[{"id":"alpha=1","alpha":null,"test":"test","clean":{"oa":`, `"moa":null`,
		`"chosen":null`,
		`"oa_by_severity":[null,null,`, `"train":{"name":"train"`, `"sha256":"train 90 1"`, `"runtime":"fake engine"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("JSON lacks %s:\n%s", want, text)
		}
	}
	var back result.Result
	if err := json.Unmarshal([]byte(text), &back); err != nil {
		t.Fatal(err)
	}
	if again := asJSON(t, &back); again != text {
		t.Errorf("read back: got\n%s\nwant\n%s", again, text)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	list := []result.Number{0.5, result.Number(math.NaN()), result.Number(math.Inf(-1))}
	if err := json.NewEncoder(&b).Encode(list); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "[0.5,null,null]\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// edited is a data set with other labels and class names.
type edited struct {
	datasets.Dataset
	label   func(i int) int64
	classes []string
}

func (d edited) Label(i int) int64 { return d.label(i) }
func (d edited) Info() datasets.Info {
	info := d.Dataset.Info()
	info.Classes = d.classes
	return info
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	train := &ellipsoids{"train", 30, 1}
	names := train.Info().Classes
	tests := []struct {
		name string
		edit func(p *Plan)
		want string
	}{
		{"no models", func(p *Plan) { p.Variants = nil }, "no models to measure"},
		{"no test data", func(p *Plan) { p.Tests = nil }, "test data is needed"},
		{"no training data", func(p *Plan) { p.Train = nil }, "training data is needed"},
		{"own head with training data", func(p *Plan) { p.OwnHead = true }, "a model's own head needs no training data"},
		{"test sets of one name", func(p *Plan) { p.Tests = append(p.Tests, p.Tests...) }, `two test sets are called "test"`},
		{"share", func(p *Plan) { p.KeepFeatures, p.Share = true, unit.Share{Index: 3, Count: 3} },
			"share 3 of 3 does not exist"},
		{"share without features", func(p *Plan) { p.Share.Count = 2 },
			"probes are fitted on features that another share has extracted"},
		{"suite", func(p *Plan) { p.Suite = "modelnet" }, `there is no suite "modelnet"`},
		{"corruption", func(p *Plan) { p.Corruptions = []string{"fog"} }, `there is no corruption "fog"`},
		{"severity", func(p *Plan) { p.Severities = []int{6} }, "corruption scale: severity is 6, want 1 to 5"},
		{"one name twice", func(p *Plan) { p.Variants = alphas(0, 0.5, 0) }, `two models are called "alpha=0"`},
		{"no label", func(p *Plan) { p.Train = edited{train, func(int) int64 { return -1 }, names} },
			"train: sample 0 has no label"},
		{"label beyond", func(p *Plan) { p.Tests = testOn(edited{train, func(int) int64 { return 3 }, nil}) },
			"train: sample 0 has label 3, but the training data train has classes 0 to 2"},
		{"other classes", func(p *Plan) { p.Tests = testOn(edited{train, train.Label, []string{"a", "b", "c"}}) },
			"train has classes [a b c], but the training data train has [cigar disc egg]"},
		{"fixed points", func(p *Plan) { p.Engine = &engine{points: 64} },
			"alpha=0: the model takes a fixed number of points (input [-1 3 64]), but dropout_global 1 leaves 48; " +
				"export it with a dynamic number, or choose corruptions that keep all points"},
		{"other points", func(p *Plan) { p.Engine = &engine{points: 32} },
			`alpha=0: train: sample 0 has 64 points, but model input "x" takes exactly 32; say --points 32`},
		{"engine", func(p *Plan) { p.Engine = &engine{fail: 3} }, "alpha=0: train: samples 32 to 47: device lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plan := fakePlan()
			tt.edit(&plan)
			_, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
			if e, ok := plan.Engine.(*engine); ok && e.open.Load() != 0 {
				t.Errorf("%d models are left open", e.open.Load())
			}
		})
	}
}

// One model is open at a time, and each is opened once.
func TestOneModelIsOpen(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	e := &engine{}
	most := int64(0)
	e.hook = func(int64) { most = max(most, e.open.Load()) }
	plan.Variants, plan.Engine = alphas(0, 0.2, 0.4, 0.6, 0.8), e
	mustRun(t, plan)
	if most != 1 || e.open.Load() != 0 || e.opened.Load() != 5 {
		t.Errorf("at most %d open, %d left, %d ever; want 1, 0, 5", most, e.open.Load(), e.opened.Load())
	}
}

// TestRunCancelled is not parallel: it counts goroutines.
func TestRunCancelled(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, at := range []int64{1, 10, 60} {
		ctx, cancel := context.WithCancel(t.Context())
		plan := fakePlan()
		e := &engine{hook: func(n int64) {
			if n == at {
				cancel()
			}
		}}
		plan.Engine = e
		_, err := Run(ctx, plan, folderAt(t, t.TempDir(), "worker"), nil)
		cancel()
		if !errors.Is(err, context.Canceled) || e.calls.Load() > at+1 || e.open.Load() != 0 {
			t.Errorf("cancelled in pass %d: got error %v after %d passes, %d models open",
				at, err, e.calls.Load(), e.open.Load())
		}
	}
	// A goroutine that has closed its last channel may not have ended yet.
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines: got %d, want %d", runtime.NumGoroutine(), before)
}

func TestProgressCountsUp(t *testing.T) {
	t.Parallel()
	var last Progress
	_, err := Run(t.Context(), fakePlan(), folderAt(t, t.TempDir(), "worker"), func(p Progress) {
		if p.Samples < last.Samples || p.Units < last.Units || p.Samples > p.TotalSamples || p.What == "" {
			t.Errorf("got %+v after %+v", p, last)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Units != last.TotalUnits || last.Samples != last.TotalSamples || last.TotalSamples != 3*(90+30+36*45) {
		t.Errorf("at the end: got %+v", last)
	}
}

// A class that only the test data has makes the NLL infinite: it is null, with a note.
func TestUnseenClassInTestData(t *testing.T) {
	t.Parallel()
	plan := fakePlan()
	plan.Suite = ""
	train := &ellipsoids{"train", 60, 1}
	plan.Train = datasets.Subset(train, withoutClass(train, 2), "without eggs")
	res := mustRun(t, plan)
	if res.Models[0].Clean.NLL.Known() || !strings.Contains(strings.Join(res.Notes, "\n"),
		"classes [2] have no training sample") {
		t.Errorf("NLL %v, notes %q", res.Models[0].Clean.NLL, res.Notes)
	}
}

func withoutClass(ds datasets.Dataset, class int64) (idx []int) {
	for i := range ds.Len() {
		if ds.Label(i) != class {
			idx = append(idx, i)
		}
	}
	return idx
}
