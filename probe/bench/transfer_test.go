package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/protocol"
)

// spheroids is a data set of clouds of as many classes as there are names, which differ in their height.
type spheroids struct {
	name    string
	classes int
	n       int
	seed    uint64
}

func (d *spheroids) Info() datasets.Info {
	var names []string
	for c := range d.classes {
		names = append(names, fmt.Sprintf("height %d", c))
	}
	return datasets.Info{Name: d.name, Format: "fake", Classes: names}
}
func (d *spheroids) Len() int          { return d.n }
func (d *spheroids) Label(i int) int64 { return int64(i % d.classes) }
func (d *spheroids) Close() error      { return nil }
func (d *spheroids) Hash(context.Context) (string, error) {
	return fmt.Sprintf("%s %d %d %d", d.name, d.classes, d.n, d.seed), nil
}

func (d *spheroids) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	r := rand.New(rand.NewPCG(d.seed, uint64(i)))
	x := make([]float32, 0, 3*16)
	for range 16 {
		height := 0.2 + 0.15*float64(d.Label(i)) + 0.1*r.NormFloat64()
		x = append(x, float32(r.NormFloat64()), float32(r.NormFloat64()), float32(height))
	}
	dst.Set(x, []int{16, 3}, d.Label(i))
	return ctx.Err()
}

var allProtocols = []string{"svm", "few-shot", "knn", "probe"}

// transferTo returns a transfer set of six classes with all protocols.
func transferTo(name string) Transfer {
	return Transfer{Name: name, Protocols: allProtocols, Train: &spheroids{name + " train", 6, 300, 7},
		Test: &spheroids{name + " test", 6, 90, 8}}
}

// withTransfer returns a plan without corruptions, with own heads and a random network, and the transfer sets.
func withTransfer(names ...string) Plan {
	plan := withHeads()
	plan.Controls = []Variant{headed{variant{alpha: 0.25, plain: true}}}
	for _, name := range names {
		plan.Transfers = append(plan.Transfers, transferTo(name))
	}
	return plan
}

func samplesOf(p Plan) int64 { return p.Engine.(doubling).samples.Load() }

// extracted passes data through a variant as a single command does.
func extractedBy(t *testing.T, v Variant, ds datasets.Dataset) *feature.Set {
	t.Helper()
	m, err := openVariant(t.Context(), &Plan{Engine: &engine{}}, variant{alpha: *alphaOf(v.About().Params)}, "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := probe.Extract(t.Context(), m.ex, ds, probe.ExtractOptions{Batch: 16})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every figure on a transfer set is that of the protocol on the features of the model alone, few-shot folds have the
// same samples for every model, and averaged answers have no figures.
func TestTransferFiguresAreThoseOfSingleProtocols(t *testing.T) {
	t.Parallel()
	plan := withTransfer("other")
	res := mustRun(t, plan)
	episodes, err := feature.Episodes(datasets.Labels(plan.Transfers[0].Train), 5, 20, 20, 10, plan.Seed)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range res.Models {
		train := extractedBy(t, plan.Variants[i], plan.Transfers[0].Train)
		test := extractedBy(t, plan.Variants[i], plan.Transfers[0].Test)
		got := m.Transfer["other"]
		for _, c := range feature.Conventions() {
			p, _, err := protocol.Predict(t.Context(), train, test, protocol.SVMOptions(c))
			if err != nil {
				t.Fatal(err)
			}
			f := got["svm"][c.Name]
			if want := p.Score(); f.Accuracy != want.OA || f.MeanClass != want.MAcc || f.N != 90 {
				t.Errorf("%s, %s: %s, want %s", m.ID, c.Name, asJSON(t, f), asJSON(t, want))
			}
		}
		for name, opt := range map[string]fit.Options{"knn": {Solver: "knn"}, "probe": {}} {
			p, _, err := protocol.Predict(t.Context(), train, test, opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range got[name] {
				if f.Accuracy != p.Score().OA {
					t.Errorf("%s, %s: %v, want %v", m.ID, name, f.Accuracy, p.Score().OA)
				}
			}
		}
		for k, e := range episodes {
			want, err := protocol.FoldAccuracy(t.Context(), train.Subset(e.Train, ""), train.Subset(e.Test, ""), fit.Options{})
			if f := got["few_shot"]["5way_20shot"]; err != nil || f.Folds[k] != want || f.N != 100 {
				t.Errorf("%s, fold %d: %s, want %v (%v)", m.ID, k, asJSON(t, f), want, err)
			}
		}
		ten := got["few_shot"]["10way_10shot"]
		if ten.Accuracy.Known() || ten.Skipped != "10 classes with 30 samples or more are needed, and there are 6" {
			t.Errorf("10 classes of 6: %s", asJSON(t, ten))
		}
	}
	for _, c := range res.Controls {
		if (c.Transfer == nil) != (c.ID == result.Ensemble) {
			t.Errorf("%s has %s", c.ID, asJSON(t, c.Transfer))
		}
	}
}

// Differences are paired, from both ends, and adjusted for the number of models.
func TestTransferDifferences(t *testing.T) {
	t.Parallel()
	res := mustRun(t, withTransfer("other"))
	for _, key := range []string{"svm", "few_shot", "knn", "probe"} {
		for task := range res.Models[0].Transfer["other"][key] {
			of := func(i int) *result.TransferFigure { return res.Models[i].Transfer["other"][key][task] }
			if of(1).Skipped != "" {
				if of(1).Differences != nil {
					t.Errorf("%s: differences of nothing", task)
				}
				continue
			}
			if len(of(0).Differences) != 1 || len(of(1).Differences) != 2 || of(1).Differences[0].From != "alpha=0" {
				t.Fatalf("%s: %s", task, asJSON(t, of(1)))
			}
			for i, end := range []int{0, 2} {
				d := of(1).Differences[i]
				want := float64(of(1).Accuracy - of(end).Accuracy)
				if math.Abs(float64(d.Difference.Difference)-want) > 1e-12 || d.P > d.PHolm {
					t.Errorf("%s: %s, want a difference of %v", task, asJSON(t, d), want)
				}
			}
		}
	}
}

// A transfer set costs its own passes, once: a second run has none, and the figures are the same without stored
// features and by two workers.
func TestTransferUnits(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	base := withTransfer()
	mustRunAt(t, base, root)
	plan := withTransfer("other")
	first := mustRunAt(t, plan, root)
	if got, want := samplesOf(plan), int64(4*390); got != want {
		t.Errorf("a transfer set costs %d passes, want %d", got, want)
	}
	if first.NCached != first.NUnits-4 {
		t.Errorf("%d of %d units cached", first.NCached, first.NUnits)
	}
	two := withTransfer("other", "more")
	mustRunAt(t, two, root)
	if got, want := samplesOf(two), int64(4*390); got != want {
		t.Errorf("a second transfer set costs %d passes, want %d", got, want)
	}
	again := withTransfer("other", "more")
	if out := mustRunAt(t, again, root); samplesOf(again) != 0 || out.NCached != out.NUnits {
		t.Errorf("a second run has %d passes, %d of %d units cached", samplesOf(again), out.NCached, out.NUnits)
	}

	scores := withTransfer("other")
	scores.KeepFeatures = false
	if got := mustRun(t, scores); asJSON(t, got) != asJSON(t, first.Result) {
		t.Error("without stored features the result is another one")
	}
	shared := t.TempDir()
	for i := range 2 {
		part := withTransfer("other")
		part.Share = unit.Share{Index: i, Count: 2}
		if _, err := Run(t.Context(), part, folderAt(t, shared, fmt.Sprint(i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	out, err := Collect(t.Context(), folderAt(t, shared, "collect"), nil)
	if err != nil || asJSON(t, out.Result) != asJSON(t, first.Result) {
		t.Errorf("two workers have another result (%v)", err)
	}
}

// A damaged outcome is measured again.
func TestTransferDamage(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	want := mustRunAt(t, withTransfer("other"), root)
	files, err := filepath.Glob(filepath.Join(root, "units", unit.Transfer, "*", "*.npz"))
	if err != nil || len(files) != 4*9 {
		t.Fatalf("%d outcomes, want 36 (%v)", len(files), err)
	}
	data, err := os.ReadFile(files[5])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/3] ^= 0xff
	if err := os.WriteFile(files[5], data, 0o666); err != nil {
		t.Fatal(err)
	}
	plan := withTransfer("other")
	got := mustRunAt(t, plan, root)
	if asJSON(t, got.Result) != asJSON(t, want.Result) || samplesOf(plan) != 0 || len(got.Events) == 0 {
		t.Errorf("%d passes, events %q", samplesOf(plan), got.Events)
	}
}

// Published folds are measured as they are.
func TestTransferPublishedFolds(t *testing.T) {
	t.Parallel()
	plan := withTransfer()
	set := Transfer{Name: "folds", Protocols: []string{protocol.FewShot}}
	for i := range 3 {
		set.Folds = append(set.Folds, TransferFold{"5way_10shot", &spheroids{fmt.Sprint("train", i), 5, 50, uint64(i)},
			&spheroids{fmt.Sprint("test", i), 5, 100, uint64(10 + i)}})
	}
	plan.Transfers = []Transfer{set}
	res := mustRun(t, plan)
	for i, m := range res.Models {
		f := m.Transfer["folds"]["few_shot"]["5way_10shot"]
		for k, fold := range set.Folds {
			want, err := protocol.FoldAccuracy(t.Context(), extractedBy(t, plan.Variants[i], fold.Train),
				extractedBy(t, plan.Variants[i], fold.Test), fit.Options{})
			if err != nil || f.Folds[k] != want {
				t.Errorf("%s, fold %d: %s, want %v (%v)", m.ID, k, asJSON(t, f), want, err)
			}
		}
	}
}

// What a transfer set cannot have is said before anything runs.
func TestTransferRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Plan){
		"two transfer sets": func(p *Plan) { p.Transfers = append(p.Transfers, p.Transfers[0]) },
		"no test data":      func(p *Plan) { p.Transfers[0].Test = nil },
		"no protocols":      func(p *Plan) { p.Transfers[0].Protocols = nil },
		"knn twice":         func(p *Plan) { p.Transfers[0].Protocols = []string{"knn", "knn"} },
		"unknown protocol":  func(p *Plan) { p.Transfers[0].Protocols = []string{"nothing"} },
		"has classes":       func(p *Plan) { p.Transfers[0].Test = &spheroids{"test", 7, 70, 1} },
		"measures features": func(p *Plan) { p.OwnHead, p.Train, p.Heads, p.Controls = true, nil, false, nil },
		"not for the protocol svm": func(p *Plan) {
			p.Transfers[0].Folds = []TransferFold{{"5way_10shot", p.Transfers[0].Train, p.Transfers[0].Test}}
		},
	} {
		plan := withTransfer("other")
		change(&plan)
		_, err := Run(t.Context(), plan, folderAt(t, t.TempDir(), "worker"), nil)
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, "unknown ")) || samplesOf(plan) != 0 {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	few := withTransfer("other")
	few.Transfers[0].Test, few.Transfers[0].Protocols = nil, []string{protocol.FewShot}
	if res := mustRun(t, few); !slices.Contains(few.Transfers[0].Protocols, "few-shot") || len(res.Models) != 3 {
		t.Error("few-shot tasks need no test data")
	}
}
