package wiseft_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/report"
)

// A document's pairs and seeds are its runs; a pair's keys replace the common ones, and paths beside the document are
// found.
func TestReadExperiment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.onnx", "b.onnx", "d.npz"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	read := func(text string) (*wiseft.ExperimentFile, error) {
		path := filepath.Join(dir, "e.yaml")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return wiseft.ReadExperiment(path, []string{"alphas", "train", "val", "corruption", "landscape", "transfer", "seed", "points"},
			[]string{"points"})
	}
	e, err := read("pairs:\n- {pretrained: a.onnx, finetuned: b.onnx}\n" +
		"- {name: other, group: g, pretrained: x.onnx, finetuned: b.onnx, alphas: 0:1:0.5, transfer: []}\n" +
		"seeds: [3, 4]\nalphas: [0, 0.5]\ntrain: d.npz\nval: [hard=d.npz, elsewhere]\ncorruption: [jitter, scale]\nlandscape: b.onnx\n" +
		"transfer: [\"m=d.npz:svm\", {data: hf://owner/x, protocols: knn, points: 5}]\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Runs) != 4 || e.Runs[1].Name != "pair 1 seed 4" || e.Runs[2].Pair != "other" || e.Runs[2].Group != "g" || len(e.Runs[2].Transfers) != 0 {
		t.Fatalf("%+v", e.Runs)
	}
	var got []string
	for _, f := range e.Runs[0].Flags {
		got = append(got, f.Name+"="+f.Value)
	}
	data := filepath.Join(dir, "d.npz")
	want := []string{"alphas=0,0.5", "train=" + data, "val=hard=" + data, "val=elsewhere", "corruption=jitter",
		"corruption=scale", "landscape=" + filepath.Join(dir, "b.onnx"), "seed=3"}
	if !slices.Equal(got, want) || !slices.Equal(e.Runs[2].Models, []string{"x.onnx", filepath.Join(dir, "b.onnx")}) {
		t.Errorf("got %q, models %q", got, e.Runs[2].Models)
	}
	if tr := e.Runs[0].Transfers; tr[0].Name != "m" || tr[0].Data.Path != data || tr[1].Data.Path != "hf://owner/x" ||
		tr[1].Flags[0].Value != "5" {
		t.Errorf("%+v", tr)
	}
	pair := "pairs: [{pretrained: a.onnx, finetuned: b.onnx}]\n"
	for text, want := range map[string]string{
		"":                               "empty",
		"- a\n":                          "line 1: an experiment is no mapping",
		"alphas: 1\n":                    "needs pairs",
		"pairs: []\n":                    "needs pairs",
		pair + "point: 1\n":              `line 2: an experiment has no "point"`,
		pair + "alphas: {a: 1}\n":        "line 2: alphas is no text",
		pair + "alphas:\n":               "line 2: alphas is no text",
		pair + "transfer: {points: 1}\n": "line 2: transfer data needs data",
		pair + "---\na: 1\n":             "a second document",
		pair + "a: [\n":                  "line 2",
		"pairs: [{name: a, pretrained: a, finetuned: b}, {name: a, pretrained: a, finetuned: b}]\n": "two pairs are called",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Rows and mixes of several results are joined by name, group by group; what a run lacks is left out.
func TestJoinExperiment(t *testing.T) {
	t.Parallel()
	of := func(clean float64) *result.Result {
		alpha := clean
		return &result.Result{Rows: []*result.Row{
			{Name: "PT", Clean: result.Unknown(), MOA: result.Unknown(), MCE: result.Unknown()},
			{Name: "FT", Alpha: &alpha, Clean: result.Number(clean), MOA: result.Unknown(), MCE: 1.5}}}
	}
	e := result.Experiment{Runs: []result.ExperimentRun{{}, {}, {Group: "other"}}}
	e.Join([]*result.Result{of(0.8), of(0.9), of(0.1)})
	if len(e.Rows) != 4 || len(e.Rows[0].Figures) != 0 || e.Rows[1].Figure("moa") != nil {
		t.Fatalf("%+v", e.Rows)
	}
	f := e.Rows[1].Figure("clean")
	if math.Abs(f.Mean-0.85) > 1e-12 || math.Abs(float64(f.Std)-0.1/math.Sqrt2) > 1e-12 ||
		!slices.Equal(e.Rows[1].Alphas, []float64{0.8, 0.9}) {
		t.Errorf("%+v", f)
	}
	if f := e.Rows[3].Figure("clean"); e.Rows[3].Group != "other" || !slices.Equal(f.Values, []float64{0.1}) {
		t.Errorf("another group: %+v", e.Rows[3])
	}
	var b strings.Builder
	if err := report.WriteExperiment(&b, &e); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.HasPrefix(got, "mean ± standard deviation over 2 sweeps\n") ||
		!strings.Contains(got, "\nother\n") || strings.Count(got, "85.0±7.1") != 1 {
		t.Errorf("got\n%s", got)
	}
}
