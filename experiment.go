package wiseft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/report"
)

// ExperimentSweep is one sweep of an experiment with its options, whose folder and monitor are set by [RunExperiment].
type ExperimentSweep struct {
	ExperimentRun
	Options SweepOptions
}

// ExperimentFiles are the names of the files that [RunExperiment] writes beside the folders of the sweeps. There is no
// tradeoff.svg without transfer data.
func ExperimentFiles() []string {
	return []string{"experiment.json", "experiment.yaml", "table.txt", "report.html", "tradeoff.svg"}
}

// MeasuredExperiment is the result of an experiment, and what it took.
type MeasuredExperiment struct {
	*result.Experiment
	Folder  string  `json:"folder"`
	NUnits  int     `json:"n_units"`
	NCached int     `json:"n_cached"`
	Seconds float64 `json:"seconds"`
}

// RunExperiment runs the sweeps of an experiment in folders below folder, and writes their joined tables and pictures there. What was
// computed before is used; force lets another experiment take the folder's place.
func RunExperiment(ctx context.Context, file *ExperimentFile, sweeps []ExperimentSweep, folder string, force bool,
	monitor Monitor) (*MeasuredExperiment, error) {
	if folder == "" {
		return nil, fault.Usagef("an experiment needs a folder").WithHint("name it with -o FOLDER")
	}
	there, err := os.ReadFile(filepath.Join(folder, "experiment.yaml"))
	same := err == nil && string(there) == file.Text
	replace := output.Options{Force: force || same, Inputs: []string{file.Path}}
	for _, s := range sweeps {
		replace.Inputs = slices.Concat(replace.Inputs, s.Models, s.Options.paths())
	}
	if err == nil { // the files are an earlier experiment's
		replace.Inputs = slices.DeleteFunc(replace.Inputs, isFolder)
	}
	if err := output.CheckFiles(folder, replace, ExperimentFiles()); err != nil {
		return nil, err
	}
	e := &result.Experiment{Schema: "wiseft.experiment/1", Document: file.Text, SHA256: file.SHA256, Notes: []string{}}
	done := &MeasuredExperiment{Experiment: e, Folder: folder}
	var results []*result.Result
	for i, s := range sweeps {
		monitor.note(fmt.Sprintf("sweep %d of %d: %s", i+1, len(sweeps), s.Name))
		name := s.Folder("", i)
		opt := s.Options
		opt.Run.Folder, opt.Run.Replace, opt.Monitor = filepath.Join(folder, name), force, monitor
		opt.Merge.Monitor = monitor
		m, err := Sweep(ctx, s.Models, opt)
		if err != nil {
			return nil, file.Explain(s.ExperimentRun, err)
		}
		run, err := newExperimentRun(s.ExperimentRun, name, m.Result)
		if err != nil {
			return nil, err
		}
		e.Runs, results = append(e.Runs, run), append(results, m.Result)
		done.NUnits, done.NCached, done.Seconds = done.NUnits+m.NUnits, done.NCached+m.NCached, done.Seconds+m.Seconds
	}
	e.Join(results)
	return done, writeExperiment(folder, e)
}

// newExperimentRun describes a finished sweep.
func newExperimentRun(r ExperimentRun, folder string, res *result.Result) (result.ExperimentRun, error) {
	run := result.ExperimentRun{Name: r.Name, Pair: r.Pair, Group: r.Group, Seed: r.Seed, Folder: folder, Chosen: res.Chosen,
		Models: []string{}}
	for _, m := range res.Models {
		if m.IsAlpha(0) || m.IsAlpha(1) {
			run.Models = append(run.Models, m.ModelSHA256)
		}
	}
	var document bytes.Buffer
	err := text.WriteJSON(&document, res)
	sum := sha256.Sum256(document.Bytes())
	run.SHA256 = hex.EncodeToString(sum[:])
	return run, err
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Folder returns the folder of the sweep with an index, below that of the experiment.
func (r ExperimentRun) Folder(experiment string, i int) string {
	name := notInNames.ReplaceAllString(r.Name, "-")
	return filepath.Join(experiment, fmt.Sprintf("%02d-%s", i+1, name[:min(len(name), 60)]))
}

// writeExperiment writes the files of an experiment, experiment.json last.
func writeExperiment(folder string, e *result.Experiment) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	files := &output.Group{Path: filepath.Join(folder, "experiment.json"), Options: output.Options{Force: true}}
	defer files.Abort()
	document := func(w io.Writer) error { return text.WriteJSON(w, e) }
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"experiment.yaml", func(w io.Writer) error { _, err := io.WriteString(w, e.Document); return err }},
		{"table.txt", func(w io.Writer) error { return report.WriteExperiment(w, e) }},
		{"report.html", func(w io.Writer) error { return report.WriteExperimentPage(w, e, Version) }},
		{"tradeoff.svg", func(w io.Writer) error { return report.WriteExperimentTradeoff(w, e) }},
		{"", document},
	} {
		var data bytes.Buffer
		if err := f.write(&data); err != nil {
			var empty *report.EmptyPlotError
			if !errors.As(err, &empty) {
				return err
			}
			files.Remove(f.name) // an earlier experiment may have had the plot
			continue
		}
		out, err := files.Create(f.name)
		if err == nil {
			_, err = out.Write(data.Bytes())
		}
		if err != nil {
			return err
		}
	}
	return files.Commit()
}
