package report

import (
	"io"
	"math"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"go.yaml.in/yaml/v3"
)

func init() {
	register(Format{Name: "eval-results",
		Doc:   "a file of a hub repository's folder .eval_results, for a benchmark data set of the hub",
		Write: writeEvalResults})
}

// evalResult is an entry of a file in .eval_results, as the Hugging Face Hub reads it.
type evalResult struct {
	Dataset evalDataset `yaml:"dataset"`
	Value   float64     `yaml:"value"`
	Notes   string      `yaml:"notes,omitempty"`
}

type evalDataset struct {
	ID   string `yaml:"id"`
	Task string `yaml:"task_id,omitempty"`
}

// writeEvalResults writes the clean accuracy, in percent, of the chosen mix on the first test set. The hub shows one value
// of a model for each task of a benchmark, so that a benchmark of several models has no such file.
func writeEvalResults(w io.Writer, r *result.Result) error {
	hub := hubNames(r)
	models := subjects(r)
	switch {
	case hub.Data == "":
		return fault.Usagef("eval-results are of a benchmark data set of the hub, whose name a run does not know").
			WithHint("name it with --hub-data OWNER/NAME, or OWNER/NAME:TASK")
	case len(models) > 1:
		return fault.Inputf("eval-results are of one model, and this benchmark has %d", len(models)).
			WithHint("run bench on the model that is published")
	case !models[0].Clean.OA.Known():
		return fault.Inputf("the model %q has no clean accuracy", models[0].ID)
	}
	m := models[0]
	value := math.Round(1e6*float64(m.Clean.OA)) / 1e4
	notes := "accuracy in percent on " + testName(&m.Tested)
	if m.Intervals != nil {
		notes += ", " + level(r) + " interval " + percentRange(m.Intervals.Clean)
	}
	if r.Chosen != nil {
		notes += "; merged by wiseft, " + cardTitle(r)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode([]evalResult{{evalDataset{hub.Data, hub.Task}, value, printable(notes)}}); err != nil {
		return err
	}
	return enc.Close()
}
