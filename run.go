package wiseft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/report"
	"github.com/wiseft/wiseft/probe/store"
)

// ResultFile is the name of the file in a run's folder that has the whole result; all other files are made from it.
const ResultFile = "result.json"

// runFiles are the files that a run leaves in its folder for people, and their report formats.
var runFiles = []struct{ name, format string }{
	{ResultFile, "json"}, {"report.html", "html"}, {"table.txt", "table"}, {"results.csv", "csv"}, {"curve.svg", "svg"},
	{"curve.png", "png"},
}

// RunFiles returns the names of the files that [WriteRun] writes.
func RunFiles() []string {
	var names []string
	for _, f := range runFiles {
		names = append(names, f.name)
	}
	return names
}

// WriteRun writes the files of a result into a folder, which is made if needed, and replaces those of an earlier result
// together. Plots of figures that the result does not have are left out, and so are pictures of samples that the folder
// does not have.
func WriteRun(dir string, r *result.Result) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := keepSamples(dir, r); err != nil {
		return err
	}
	files := &output.Group{Path: filepath.Join(dir, ResultFile), Options: output.Options{Force: true}}
	defer files.Abort()
	for _, f := range slices.Backward(runFiles) { // the main file is the last
		var made bytes.Buffer
		err := report.Write(&made, f.format, r)
		if _, empty := errors.AsType[*report.EmptyPlotError](err); empty {
			files.Remove(f.name) // an earlier result may have had the plot
			continue
		}
		if err != nil {
			return err
		}
		name := f.name
		if name == ResultFile {
			name = ""
		}
		out, err := files.Create(name)
		if err == nil {
			_, err = made.WriteTo(out)
		}
		if err != nil {
			return err
		}
	}
	files.Take(bench.PlanFile)
	return files.Commit()
}

// ReadResult reads the result of a run: path is its folder or its result file.
func ReadResult(path string) (*result.Result, error) {
	path = ResultPath(path)
	if err := output.Recover(path); err != nil {
		return nil, err
	}
	f, _, err := openInput(path)
	if fault.KindOf(err) == fault.Input && filepath.Base(path) == ResultFile {
		if _, specErr := bench.ReadSpec(filepath.Dir(path)); specErr == nil {
			return nil, fault.Inputf("%s: the run has no result yet; make it with wiseft collect %s", path, filepath.Dir(path))
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := report.Read(f)
	if _, malformed := errors.AsType[*report.ResultError](err); malformed {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	if err != nil || path == Stdio {
		return r, err
	}
	return r, loadSamples(filepath.Dir(path), r)
}

// loadSamples sets the samples of a result for pictures, if the run's folder has them.
func loadSamples(dir string, r *result.Result) error {
	if err := bench.LoadSamples(store.Look(dir), r); err != nil {
		return fault.Inputf("%w", err).WithHint("remove the file; the sweep or benchmark that made the run stores it again")
	}
	return nil
}

// keepSamples stores the samples of a result in the folder, or takes those that the folder has.
func keepSamples(dir string, r *result.Result) (err error) {
	if r.Samples == nil {
		return loadSamples(dir, r)
	}
	folder, err := store.Open(dir, workerName(unit.Share{}))
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, folder.Close())
		folder.RemoveTemporary()
	}()
	return bench.SaveSamples(folder, r)
}

// ResultPath returns the result file of a run that is named by its folder or by that file.
func ResultPath(run string) string {
	if info, err := os.Stat(run); err == nil && info.IsDir() {
		return filepath.Join(run, ResultFile)
	}
	return run
}

// Collect makes the result of a run whose units were computed by several workers: probes and scores that no worker
// could compute are computed here; models and data are not needed. The units of further folders are copied into
// the run's first. It is an error if units are missing.
func Collect(ctx context.Context, folder string, further []string, monitor Monitor) (*Measured, error) {
	run, err := openRecorded(folder, further)
	if err != nil {
		return nil, err
	}
	defer run.close()
	for _, from := range further {
		units, err := bench.Gather(run.Folder, from)
		if _, other := errors.AsType[*bench.PlanError](err); other {
			return nil, fault.Mismatchf("%s and %s hold runs of different plans", folder, from)
		}
		if err != nil {
			return nil, err
		}
		monitor.note(fmt.Sprintf("%s: %s copied", from, text.Count(units, "unit")))
	}
	out, err := bench.Collect(ctx, run.Folder, monitor.bench("collecting", ""))
	if err != nil {
		return nil, err
	}
	for _, event := range out.Events {
		monitor.note(event)
	}
	if out.Result == nil {
		return nil, fmt.Errorf("%s: %s still to be done: run what makes them, "+
			"or the same command without --shard to do them here", folder, text.Count(out.Missing, "unit"))
	}
	if err := run.write(out.Result); err != nil {
		return nil, err
	}
	if c := out.Changes; c != nil && c.Samples != "" && out.Samples == nil {
		monitor.note(fmt.Sprintf("%s: the report has no pictures, because the samples are with the data and no share had the whole "+
			"result; the command of the run without --shard, with -o %[1]s, adds them and measures nothing again", folder))
	}
	return &Measured{Outcome: out, Folder: folder}, nil
}

// Compare tests whether two models of a run differ, by their answers to the same samples.
func Compare(run, a, b string) (*result.Compared, error) {
	folder, err := openRecorded(run, nil)
	if err != nil {
		return nil, err
	}
	defer folder.close()
	c, err := bench.Compare(folder.Folder, a, b)
	if _, unknown := errors.AsType[*bench.UnknownModelError](err); unknown {
		return nil, fault.Usagef("%s: %w", run, err)
	}
	return c, withPath(run, err)
}

// RunFolder names a folder for a run whose command line names none: in the working folder, after the command, its first
// and its last model. Equal command lines have the same folder, so that a run which was stopped goes on. It is an error
// if the working folder cannot be written.
func RunFolder(command string, models, line []string) (string, error) {
	probe, err := os.CreateTemp(".", ".wiseft-*")
	if err != nil {
		return "", err
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return "", err
	}
	name := "wiseft-" + command
	for i, model := range models {
		if i == 0 || i == len(models)-1 {
			base := filepath.Base(model)
			name += "-" + strings.TrimSuffix(base, filepath.Ext(base))
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(line, "\x00")))
	return name[:min(len(name), 80)] + "-" + hex.EncodeToString(sum[:4]), nil
}

// runFolder is the open folder of a run.
type runFolder struct {
	*store.Folder
	scratch *output.Scratch // that the folder is; nil if it is kept
	made    bool            // by this run
}

// openRun opens the folder of a run that computes, or a temporary one. inputs are files that the run must not replace.
func openRun(o RunOptions, inputs []string) (*runFolder, error) {
	if o.Folder == "" {
		scratch, err := output.NewScratch()
		if err != nil {
			return nil, err
		}
		folder, err := store.Open(scratch.Path, workerName(o.Share))
		return &runFolder{Folder: folder, scratch: scratch}, err
	}
	_, noPlan := bench.ReadSpec(o.Folder)
	replace := output.Options{Force: o.Replace || noPlan == nil, Inputs: inputs} // with a plan in it, the plan decides
	if !errors.Is(noPlan, fs.ErrNotExist) {                                      // its files are an earlier run's, also if the folder lies in one of data
		replace.Inputs = slices.DeleteFunc(slices.Clone(inputs), isFolder)
	}
	if err := output.CheckFiles(o.Folder, replace, RunFiles()); err != nil {
		return nil, err
	}
	_, missing := os.Stat(o.Folder)
	folder, err := store.Open(o.Folder, workerName(o.Share))
	return &runFolder{Folder: folder, made: errors.Is(missing, fs.ErrNotExist)}, err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// openRecorded opens the folder of a run that exists, or to which the runs of further folders are copied.
func openRecorded(folder string, further []string) (*runFolder, error) {
	for i, dir := range append([]string{folder}, further...) {
		_, err := bench.ReadSpec(dir)
		if errors.Is(err, fs.ErrNotExist) && (i > 0 || len(further) == 0) {
			return nil, fault.Inputf("%s: there is no run here", dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Inputf("%w", err)
		}
	}
	f, err := store.Open(folder, workerName(unit.Share{}))
	return &runFolder{Folder: f}, err
}

// workerName returns a name that no other process has, on this machine or another.
func workerName(share unit.Share) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "host"
	}
	name := fmt.Sprintf("%s-%d-%s", host, os.Getpid(), strconv.FormatInt(time.Now().UnixNano(), 36))
	if share.Count > 1 {
		name = fmt.Sprintf("%dof%d-%s", share.Index+1, share.Count, name)
	}
	return name
}

// path returns the folder, or "" if it is temporary.
func (r *runFolder) path() string {
	if r.scratch != nil {
		return ""
	}
	return r.Root()
}

// close closes the folder and removes it if it is temporary, or if this run has made it and left nothing in it.
func (r *runFolder) close() {
	_ = r.Close() // closes the journal; units are complete
	if r.scratch != nil {
		_ = r.scratch.Remove()
	}
	if r.made {
		r.RemoveEmpty()
	}
}

// explain says what can be done about a folder that holds another run.
func (r *runFolder) explain(err error) error {
	if _, other := errors.AsType[*bench.PlanError](err); other {
		return fault.Usagef("%w", err).
			WithHint("--force lets this one take its place, and keeps what both need; or choose another folder")
	}
	return err
}

// write writes the files of a result, unless the folder is temporary.
func (r *runFolder) write(res *result.Result) error {
	if r.scratch != nil {
		return nil
	}
	return WriteRun(r.Root(), res)
}
