package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/fit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var order = []string{"scale", "jitter", "rotate", "dropout_global", "dropout_local", "add_global", "add_local"}

// sweep returns the result of a sweep with figures on a plausible curve.
func sweep(whole bool) *result.Result {
	r := &result.Result{
		Schema: "wiseft.bench/1", Suite: "modelnet-c", Order: order,
		Reference: &result.Reference{Name: "DGCNN on ModelNet-C",
			Note: "self-made corruptions; not comparable with published ModelNet-C figures"},
		Notes:    []string{"self-made corruptions; not comparable with published ModelNet-C figures"},
		Settings: result.Settings{Validation: "a stratified 20 % of the training data, seed 0"},
	}
	for i := range 11 {
		alpha := float64(i) / 10
		clean := 0.62 + 0.36*alpha - 0.17*alpha*alpha
		oa := 0.48 + 0.45*alpha - 0.36*alpha*alpha
		m := &result.Model{
			ID: "alpha=" + jsonNumber(alpha), Alpha: &alpha, Params: []result.Param{{Name: "alpha", Value: alpha}},
			Tested: result.Tested{
				Name:        "test",
				Clean:       &result.Score{OA: result.Number(clean), N: 100},
				Corruptions: map[string]*result.Corruption{},
				MOA:         result.Number(oa), MCE: result.Number(2 - 1.6*oa), RMCE: result.Number(1.9 - 1.5*oa),
				Exact: result.Exact{MOA: result.Number(oa), MCE: result.Number(2 - 1.6*oa), RMCE: result.Number(1.9 - 1.5*oa)},
			},
			Validation: &result.Score{OA: result.Number(clean + 0.01), N: 40},
			Probe:      &fit.Report{Converged: true},
		}
		for j, name := range order {
			m.Corruptions[name] = &result.Corruption{OA: result.Number(oa + 0.02*float64(j-3))}
		}
		if !whole {
			nan := result.Number(math.NaN())
			m.MOA, m.MCE, m.RMCE, m.Exact = nan, nan, nan, result.Exact{MOA: nan, MCE: nan, RMCE: nan}
			// Of jitter, severity 3 alone was run.
			m.Corruptions["jitter"] = &result.Corruption{OA: nan,
				OABySeverity: [5]result.Number{nan, nan, result.Number(oa - 0.1), nan, nan}}
		}
		r.Models = append(r.Models, m)
	}
	best := r.Models[8]
	r.Chosen = &result.Chosen{ID: best.ID, Alpha: best.Alpha, Params: best.Params,
		Rule: choose.Choice{Rule: "accuracy"}.Doc(), Validation: 0.8}
	return r
}

func jsonNumber(v float64) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestTableGolden(t *testing.T) {
	t.Parallel()
	models := sweep(true)
	models.Chosen, models.Suite, models.Reference, models.Order, models.Notes = nil, "", nil, nil, nil
	models.Models = models.Models[:2]
	tests := map[string]*result.Result{"sweep": sweep(true), "partial": sweep(false), "clean": models}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := Write(&got, "table", r); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

func TestJSONReadsBack(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := Write(&got, "json", sweep(false)); err != nil {
		t.Fatal(err)
	}
	var back result.Result
	if err := json.Unmarshal(got.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(back.Models[0].MOA)) {
		t.Errorf("mOA of a part of a suite: got %v, want none", back.Models[0].MOA)
	}
	if got, want := back.Models[3].Clean.OA, sweep(false).Models[3].Clean.OA; got != want {
		t.Errorf("clean OA: got %v, want %v", got, want)
	}
	if !strings.HasPrefix(got.String(), "{\n  \"schema\": \"wiseft.bench/1\"") {
		t.Errorf("schema does not come first: %.60s", got.String())
	}
}

func TestCurve(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"png", "svg"} {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := Write(w, format, sweep(true)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two reports of one result differ", format)
		}
		if format == "png" {
			if _, err := png.Decode(bytes.NewReader(a.Bytes())); err != nil {
				t.Errorf("png: %v", err)
			}
			continue
		}
		for _, want := range []string{"chosen", "pretrained", "finetuned", "0.5"} {
			if !strings.Contains(a.String(), want) {
				t.Errorf("svg has no text %q", want)
			}
		}
	}
}

func TestCurveOfPartialSuite(t *testing.T) {
	t.Parallel()
	err := Write(&bytes.Buffer{}, "svg", sweep(false))
	const want = "there is no plot \"curve\" of this result: no model has figures of a whole suite"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"card", "csv", "eval-results", "html", "json", "latex", "markdown", "png", "robustbench", "svg",
		"table", "tensorboard"} {
		if _, err := Lookup(name); err != nil {
			t.Error(err)
		}
	}
	err := Write(&bytes.Buffer{}, "tabel", sweep(true))
	want := `there is no report format "tabel"; there are: ` + strings.Join(Names(), ", ")
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestFormatOfFile(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a.HTML": "html", "a.htm": "html", "README.md": "markdown", "t.tex": "latex",
		"r.csv": "csv", "r.json": "json", "t.txt": "table", "c.svg": "svg", "c.png": "png", "events.out.tfevents.7.host": "tensorboard",
		"a.pdf": "", "html": "", "": ""} {
		f, ok := OfFile(name)
		if f.Name != want || ok != (want != "") {
			t.Errorf("%s: got %q, want %q", name, f.Name, want)
		}
	}
}
