package report

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
	"golang.org/x/net/html"
)

// joinedResult is the result of a sweep with three mixes on the path and one beside it, shifted by d.
func joinedResult(d float64) *result.Result {
	task := result.TransferTask{Protocol: "svm", Key: "svm", Name: "recon", Head: "SVM recon"}
	r := &result.Result{}
	r.Settings.Transfers = []*result.TransferSet{{Name: "other: five", Tasks: []result.TransferTask{task}}}
	for _, m := range []struct {
		id             string
		clean, quality float64
	}{{"alpha=0", 0.6, 0.8}, {"alpha=0.5", 0.7, 0.85}, {"alpha=0.5 std", 0.72, 0.7}, {"alpha=1", 0.8, 0.75}} {
		model := &result.Model{ID: m.id}
		model.Clean = &result.Score{OA: result.Number(m.clean + d)}
		model.MOA, model.MCE = result.Unknown(), result.Unknown()
		model.Transfer = map[string]result.Transferred{"other: five": {"svm": {"recon": &result.TransferFigure{
			Accuracy: result.Number(m.quality - d)}}}}
		r.Models = append(r.Models, model)
	}
	return r
}

func joinedExperiment(shifts ...float64) *result.Experiment {
	e := &result.Experiment{Notes: []string{}}
	var results []*result.Result
	for i, d := range shifts {
		e.Runs = append(e.Runs, result.ExperimentRun{Name: "seed " + string(rune('0'+i)), Folder: "0" + string(rune('1'+i))})
		results = append(results, joinedResult(d))
	}
	e.Join(results)
	return e
}

// The joined picture has a line for each sweep, the mean with its deviation at each mix, and the Pareto set of the means.
func TestJoinedTradeoff(t *testing.T) {
	t.Parallel()
	e := joinedExperiment(0, 0.02)
	names := transferFigures(e, "")
	if len(names) != 1 || names[0] != "other: five: SVM recon" {
		t.Fatalf("figures %q", names)
	}
	j := newJoinedPath(e, "", names[0])
	if len(j.points) != 4 || len(j.lines) != 2 || len(j.lines[1]) != 3 {
		t.Fatalf("%d points, %d lines: %+v", len(j.points), len(j.lines), j)
	}
	half := j.points[1]
	if math.Abs(half.x-71) > 1e-9 || math.Abs(half.y-84) > 1e-9 || half.beside || half.label != "0.5" {
		t.Errorf("mean at .5: %+v", half)
	}
	if std := 100 * 0.02 / math.Sqrt2; math.Abs(j.spread[1][0]-std) > 1e-9 || math.Abs(j.spread[1][1]-std) > 1e-9 {
		t.Errorf("deviation %v, want %g", j.spread[1], std)
	}
	if q := j.lines[1][2]; math.Abs(q.x-82) > 1e-9 || math.Abs(q.y-73) > 1e-9 {
		t.Errorf("second sweep at 1: %+v", q)
	}
	if !j.points[2].beside {
		t.Errorf("a mix with other statistics is on the path: %+v", j.points[2])
	}
	var pareto []bool
	for _, q := range j.points {
		pareto = append(pareto, q.pareto)
	}
	if want := []bool{false, true, false, true}; len(pareto) != 4 || pareto[0] != want[0] || pareto[1] != want[1] ||
		pareto[2] != want[2] || pareto[3] != want[3] {
		t.Errorf("Pareto set %v, want %v", pareto, want)
	}
	var svg bytes.Buffer
	if err := WriteExperimentTradeoff(&svg, e); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"other: five", "seed 1, alpha=0.5: 72.0 % clean, 83.0 %", "SVM recon over 2 sweeps from"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
}

// A sweep without a figure is in neither mean nor lines, and one sweep has no deviations; without transfer data there is no
// picture.
func TestJoinedTradeoffOfLess(t *testing.T) {
	t.Parallel()
	e := joinedExperiment(0, 0.02)
	other := joinedResult(0.1)
	other.Models[0].Transfer = nil
	e.Models, e.Runs = nil, append(e.Runs, result.ExperimentRun{Name: "third"})
	e.Join([]*result.Result{joinedResult(0), joinedResult(0.02), other})
	if j := newJoinedPath(e, "", "other: five: SVM recon"); len(j.lines) != 3 ||
		len(j.lines[2]) != 2 || len(j.points) != 4 || math.Abs(j.points[0].x-61) > 1e-9 {
		t.Errorf("%+v", j)
	}
	one := joinedExperiment(0)
	if err := WriteExperimentTradeoff(&bytes.Buffer{}, one); err != nil {
		t.Error(err)
	}
	for _, m := range one.Models {
		m.Figures = m.Figures[:1]
	}
	var empty *EmptyPlotError
	if err := WriteExperimentTradeoff(&bytes.Buffer{}, one); !errors.As(err, &empty) {
		t.Errorf("%v", err)
	}
}

// The page is well formed, needs nothing else, and has the picture and every table.
func TestExperimentPage(t *testing.T) {
	t.Parallel()
	e := joinedExperiment(0, 0.02)
	e.Runs[0].Name = "<b>first"
	var b bytes.Buffer
	if err := WriteExperimentPage(&b, e, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"Mean ± standard deviation over 2 sweeps", `id="plot-tradeoff-1-title"`, "Mixes", "71.0±1.4",
		"&lt;b&gt;first", "wiseft 1.2.3", "nothing chosen"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, no := range []string{"<script", "src=", "<b>first"} {
		if strings.Contains(page, no) {
			t.Errorf("the page has %q", no)
		}
	}
	if _, err := html.Parse(&b); err != nil {
		t.Error(err)
	}
}
