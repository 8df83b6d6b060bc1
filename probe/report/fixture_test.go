package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/fit"
)

// full returns the result of a sweep with everything that a result can have.
func full() *result.Result {
	r := sweep(true)
	r.Settings = settings()
	for _, m := range r.Models {
		fill(&m.Tested)
		more := m.Tested
		more.Name = "folder/other.npz"
		m.MoreTests = []*result.Tested{&more}
		e := m.Exact.MOA - 0.55
		m.EffectiveRobustness = &e
		m.ModelSHA256 = "cafe"
		m.Probe = &fit.Report{Converged: true, Iterations: 12}
	}
	r.Baseline = &result.Baseline{Models: []string{"alpha=0", "alpha=1"}, Slope: 0.9, Intercept: -0.6, R2: 1,
		Note: "a line through two models"}
	r.Pareto = []string{"alpha=0.6", "alpha=0.7", "alpha=0.8", "alpha=0.9", "alpha=1"}
	r.NUnits = 407
	compareAll(r)
	transferAll(r)
	changeAll(r)
	r.Weights = weights()
	r.Landscape = plane()
	return r
}

// plane returns a landscape of a bowl around the fine-tuned model, with a barrier at alpha .4 and a point without a loss.
func plane() *result.Landscape {
	l := &result.Landscape{Third: "<b>third.onnx", Head: "probe", Train: 90, N: 60, Data: "val </script>.npz", Side: 3}
	for i := range 6 {
		alpha := float64(i) / 5
		loss := 1 - 0.5*alpha
		if i == 2 {
			loss += 0.25
		}
		l.Points = append(l.Points, result.LandscapePoint{ID: "path", Kind: result.PathPoint, X: 10 * alpha, Alpha: &alpha,
			Loss: result.Number(loss), Accuracy: 0.75})
	}
	l.Points = append(l.Points, result.LandscapePoint{ID: "third", Kind: result.ThirdPoint, X: 4, Y: 3, Loss: 0.75, Accuracy: 0.5})
	for j := range 3 {
		for i := range 3 {
			x, y := 7*float64(i)-2, 2*float64(j)-1
			l.Points = append(l.Points, result.LandscapePoint{ID: "grid", Kind: result.GridPoint, X: x, Y: y,
				Loss: result.Number(0.5 + 0.01*(x-10)*(x-10) + 0.1*y*y), Accuracy: 0.5})
		}
	}
	l.Points[len(l.Points)-1].Loss = unknown
	l.SetBarrier()
	return l
}

// weights returns three tensors that are merged, one that is copied and one that is refused.
func weights() *result.Weights {
	w := &result.Weights{Unmoved: 10, Changes: make([]int64, 14), Unmeasured: 1}
	w.Changes[8], w.Changes[9] = 500, 300
	for i, name := range []string{"conv1.weight", "<i>conv2", "fc.weight"} {
		rel, cosine, alpha := 0.1*float64(i+1), 1-0.01*float64(i), 0.5+0.1*float64(i)
		w.Layers = append(w.Layers, result.Layer{Tensor: name, Action: "merge", Reason: "paired", Depth: float64(i) / 4, Elements: 270,
			RelL2: &rel, Cosine: &cosine, Moved: &rel, Alpha: &alpha})
	}
	w.Layers = append(w.Layers, result.Layer{Tensor: "head.weight", Action: "copy", Reason: "only in the fine-tuned model", Depth: 1,
		Elements: 40}, result.Layer{Tensor: "odd", Action: "refuse", Reason: "shapes differ", Depth: 0.8, Elements: 3})
	moved := 0.25
	w.Repair = &result.RepairMoves{Mode: "affine", Layers: []result.RepairMove{
		{Place: "bn1", Tensor: "<i>bn1.running_mean", Depth: 0.2, Elements: 64, Moved: &moved, Factor: 0.8}, {Place: "bn2", Depth: 0.6, Factor: 1}}}
	return w
}

// changeAll adds answers of three classes by the chosen mix, or else the first model, and by the fine-tuned end if there
// is one.
func changeAll(r *result.Result) {
	r.Settings.Tests[0].Classes = []string{"chair", "=desk", "<b>lamp"}
	c := &result.Changes{Model: r.Models[0].ID, Rescued: []int{3}, Lost: []int{7, 9}, Samples: "cafe"}
	if m := chosenModel(r); m != nil {
		c.Model = m.ID
	}
	if m := fineTuned(r); m != nil {
		c.Against = m.ID
	}
	for _, name := range append([]string{""}, r.Order...) {
		severities := 5
		if name == "" {
			severities = 1
		}
		for i := range severities {
			cond := &result.ConditionChange{Corruption: name, Severity: i + 1, N: 100, Right: 80, Rescued: 6, Lost: 2 + i}
			if name == "" {
				cond.Severity, cond.Rescued, cond.Lost = 0, 1, 2
			}
			c.Conditions = append(c.Conditions, cond)
		}
	}
	for label := range 3 {
		class := &result.ClassAnswers{Label: label, N: 30}
		for i := range 1 + len(r.Order) {
			class.Of, class.Model, class.Against = append(class.Of, 150), append(class.Model, 120-10*label), append(class.Against, 100+3*i)
		}
		c.Classes = append(c.Classes, class)
		c.Confusion = append(c.Confusion, &result.Confused{Label: label, Prediction: label, Model: 24, Against: 22, ModelCorrupted: 700,
			AgainstCorrupted: 650}, &result.Confused{Label: label, Prediction: (label + 1) % 3, Model: 6, Against: 8, ModelCorrupted: 300,
			AgainstCorrupted: 350})
	}
	answer := func(sample, label, model, against int, corruption string, severity int) *result.SampleAnswer {
		margin, before := result.Number(0.5), result.Number(-0.25)
		if model != label {
			margin, before = before, margin
		}
		return &result.SampleAnswer{Sample: sample, Label: label, Corruption: corruption, Severity: severity, Model: model, Margin: margin,
			Against: &against, AgainstMargin: &before}
	}
	c.Strip = []*result.SampleAnswer{answer(3, 0, 0, 0, "", 0)}
	for _, name := range r.Order {
		c.Strip = append(c.Strip, answer(3, 0, 0, 2, name, 3))
	}
	if c.Against != "" {
		c.Largest = []*result.SampleAnswer{answer(3, 0, 0, 2, "jitter", 5), answer(7, 1, 2, 1, "", 0)}
	}
	r.Changes = c
}

// transferAll adds a transfer set with a task that the data does not have, and the rows of the ends and the chosen mix.
func transferAll(r *result.Result) {
	svm := result.TransferTask{Protocol: "svm", Key: "svm", Name: "recon", Head: "SVM recon", Limit: "C and solver only"}
	few := result.TransferTask{Protocol: "few-shot", Key: "few_shot", Name: "5way_10shot", Head: "5w10s"}
	ten := result.TransferTask{Protocol: "few-shot", Key: "few_shot", Name: "10way_10shot", Head: "10w10s"}
	set := &result.TransferSet{Name: "other <data>", Train: r.Settings.Train, Tasks: []result.TransferTask{svm, few, ten}}
	r.Settings.Transfers = []*result.TransferSet{set}
	for i, m := range r.Models {
		oa := 0.8 - 0.01*result.Number(i)
		difference := &result.TransferDifference{From: "alpha=0", Difference: result.Difference{Difference: oa - 0.8,
			Interval: [2]result.Number{oa - 0.82, oa - 0.78}, P: 0.2, PHolm: 0.4}}
		m.Transfer = map[string]result.Transferred{set.Name: {
			"svm": {"recon": {Accuracy: oa, MeanClass: oa, Std: unknown, N: 100, Interval: [2]result.Number{oa - .05, oa + .05},
				Differences: []*result.TransferDifference{difference}}},
			"few_shot": {
				"5way_10shot":  {Accuracy: oa, MeanClass: unknown, Std: 0.02, N: 100, Folds: []float64{float64(oa)}},
				"10way_10shot": {Accuracy: unknown, MeanClass: unknown, Std: unknown, Skipped: "there are 6 classes"},
			},
		}}
	}
	for _, row := range []struct {
		name, head string
		m          *result.Model
	}{{"PT", "", r.Models[0]}, {"FT", "own", r.Models[len(r.Models)-1]}, {"WiSE-FT-LP", "probe", chosenModel(r)}} {
		line := &result.Row{Name: row.name, Model: row.m.ID, Alpha: row.m.Alpha, Head: row.head, Merged: 1000, Clean: row.m.Clean.OA,
			Interval: row.m.Intervals.Clean, MOA: row.m.MOA, MOARange: row.m.Intervals.MOA, MCE: row.m.MCE}
		if row.head == "probe" {
			line.CleanDifference = &result.Difference{Difference: 0.01, P: 0.01, PHolm: 0.02}
		}
		r.Rows = append(r.Rows, line)
	}
}

// fill sets what follows from the means of a test set.
func fill(t *result.Tested) {
	around := func(n result.Number, by float64) [2]result.Number {
		return [2]result.Number{n - result.Number(by), n + result.Number(by)}
	}
	moa, mce, rmce := around(t.Exact.MOA, 0.015), around(t.Exact.MCE, 0.05), around(t.Exact.RMCE, 0.1)
	t.Intervals = &result.TestIntervals{Clean: around(t.Clean.OA, 0.02), MOA: &moa, MCE: &mce, RMCE: &rmce,
		Corruptions: map[string][2]result.Number{}}
	t.Clean = &result.Score{OA: t.Clean.OA, MAcc: t.Clean.OA - 0.01, NLL: 0.5, ECE: 0.04, Brier: 0.2, N: 100}
	t.ErrorRate = 1 - t.Exact.MOA
	t.Corrupted = &result.Corrupted{NLL: 0.9, ECE: 0.1, Brier: 0.34, Cells: 35}
	for name, c := range t.Corruptions {
		for i := range c.OABySeverity {
			oa := c.OA - result.Number(0.03*float64(i-2))
			c.OABySeverity[i] = oa
			c.BySeverity[i] = &result.Score{OA: oa, MAcc: oa, NLL: 0.9, ECE: 0.1, Brier: 0.3, N: 100}
		}
		c.CE, c.RCE = 1-c.OA, 1.1-c.OA
		t.Intervals.Corruptions[name] = around(c.OA, 0.02)
	}
}

func settings() result.Settings {
	data := func(name string, n int) *result.Data {
		return &result.Data{Info: datasets.Info{Name: name, Format: "npz",
			History: []string{"preprocess: first 512 points"}}, SHA256: "beef", N: n}
	}
	return result.Settings{
		Wiseft: "v1", Go: "go1.26", Runtime: "onnxruntime 1.23.2, cpu", Tensor: "features",
		Train:      data("folder/train.npz", 400),
		Validation: "a stratified 20 % of the training data, seed 0",
		Tests:      []*result.Data{data("folder/test.npz", 100), data("folder/other.npz", 100)},
		Suite:      "modelnet-c", Corruptions: order, Severities: []int{1, 2, 3, 4, 5}, Batch: 32,
		Fit: fit.Options{Solver: "logistic", C: 1, MaxIter: 1000, Tol: 1e-6},
	}
}

// compareAll adds the comparisons of the chosen mix, or else the first model, with all others.
func compareAll(r *result.Result) {
	against := r.Models[0]
	if m := chosenModel(r); m != nil {
		against = m
	}
	r.Statistics = &result.Statistics{Level: 0.95, Flips: 10000, Resamples: 1000, Seed: 1, Against: against.ID}
	for _, m := range r.Models {
		if m == against {
			continue
		}
		of := func(d result.Number) *result.Difference {
			p := result.Number(math.Exp(-300 * math.Abs(float64(d))))
			return &result.Difference{Difference: d, Interval: [2]result.Number{d - 0.01, d + 0.01}, P: p,
				PHolm: min(1, 10*p), Test: "a test"}
		}
		r.Statistics.Comparisons = append(r.Statistics.Comparisons, &result.Comparison{A: against.ID, B: m.ID,
			Clean: of(against.Clean.OA - m.Clean.OA), MOA: of(against.Exact.MOA - m.Exact.MOA)})
	}
}

// benchmark returns the result of a benchmark of models that are not mixes, with names that have special characters
// in every format.
func benchmark() *result.Result {
	r := full()
	r.Schema, r.Chosen, r.Baseline, r.Pareto = "wiseft.bench/1", nil, nil, []string{}
	r.Models = r.Models[8:]
	for i, name := range []string{"models/<script>alert(1)</script>.onnx", `a|b*c_d, "e".onnx`, "plain.onnx"} {
		m := r.Models[i]
		m.ID, m.Alpha, m.Params, m.Validation, m.EffectiveRobustness, m.MoreTests = name, nil, nil, nil, nil, nil
	}
	compareAll(r)
	changeAll(r)
	r.Weights, r.Landscape = nil, nil
	return r
}

// single returns the smallest result: one model with its own head, no suite.
func single() *result.Result {
	r := benchmark()
	r.Models = r.Models[2:]
	m := r.Models[0]
	nan := unknown
	m.Corruptions, m.Corrupted, m.Probe, m.MOA, m.MCE, m.RMCE, m.ErrorRate = nil, nil, nil, nan, nan, nan, nan
	m.Exact, m.Intervals = result.Exact{MOA: nan, MCE: nan, RMCE: nan}, nil
	m.Clean.NLL = nan
	r.Suite, r.Order, r.Reference, r.Notes, r.Statistics = "", nil, nil, nil, nil
	r.Settings.OwnHead, r.Settings.Train, r.Settings.Corruptions, r.Settings.Suite = true, nil, nil, ""
	changeAll(r)
	return r
}

// grid returns the result of a sweep over two parameters, neither of which is alpha.
func grid() *result.Result {
	r := full()
	for i, m := range r.Models {
		m.Alpha, m.Params = nil, []result.Param{{Name: "lambda", Value: float64(i%4) / 4},
			{Name: "density", Value: float64(i/4) / 4}}
		m.ID = paramText(m.Params)
	}
	best := r.Models[8]
	r.Chosen.ID, r.Chosen.Alpha, r.Chosen.Params, r.Baseline, r.Pareto = best.ID, nil, best.Params, nil, []string{best.ID}
	compareAll(r)
	changeAll(r)
	return r
}

// fine returns the result of a sweep over n alphas.
func fine(n int) *result.Result {
	r := full()
	old := r.Models
	r.Models, r.Pareto, r.Statistics.Comparisons, r.Statistics.Against = nil, nil, nil, ""
	for i := range n {
		m := *old[i*len(old)/n]
		alpha := float64(i) / float64(n-1)
		m.Alpha, m.Params = &alpha, []result.Param{{Name: "alpha", Value: alpha}}
		m.ID = "alpha=" + jsonNumber(alpha)
		r.Models = append(r.Models, &m)
		if i%3 == 0 {
			r.Pareto = append(r.Pareto, m.ID)
		}
	}
	best := r.Models[n*8/11]
	r.Chosen.ID, r.Chosen.Alpha, r.Chosen.Params = best.ID, best.Alpha, best.Params
	return r
}

// results returns results of every kind.
func results() map[string]*result.Result {
	onTest := full()
	onTest.Chosen.OnTest = true
	return map[string]*result.Result{"full": full(), "partial_suite": sweep(false), "bench": benchmark(),
		"single": single(), "grid": grid(), "on_test": onTest}
}

// golden compares the output of a format for results with files.
func golden(t *testing.T, format, extension string, list map[string]*result.Result) {
	for name, r := range list {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := Write(&got, format, r); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+extension)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s differs; got\n%s", path, got.String())
			}
		})
	}
}
