package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/report"
	"github.com/wiseft/wiseft/probe/store"
)

// runFlags say where a run is kept, and who does which part of it.
func runFlags() []cli.Flag {
	const category = "The run:"
	return []cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FOLDER` for results and for what they are made of; a run that was stopped goes on there", EnvVars: []string{"WISEFT_OUT"}, Category: category},
		&cli.BoolFlag{Name: "force", Usage: "let this run take the place of another one in the folder; what both need stays", EnvVars: []string{"WISEFT_FORCE"}, Category: category},
		&cli.StringFlag{Name: "keep", Value: "features", Usage: "`WHAT` stays in the folder: features, with which another probe needs no forward pass, or scores alone", EnvVars: []string{"WISEFT_KEEP"}, Category: category},
		&cli.StringFlag{Name: "shard", Usage: "do only share `I/N` of the run, I from 1 to N; auto or auto/N takes it from Slurm, Kubernetes or GNU parallel", EnvVars: []string{"WISEFT_SHARD"}, Category: category},
		&cli.BoolFlag{Name: "steal", Usage: "go on with what other shares have not begun, in a folder that all workers share", EnvVars: []string{"WISEFT_STEAL"}, Category: category},
	}
}

// keepFeatures reads --keep. Without a folder nothing is kept.
func (c *call) keepFeatures() (bool, error) {
	switch keep := c.String("keep"); keep {
	case "features":
		return c.String("out") != "", nil
	case "scores":
		return false, nil
	default:
		return false, usageError{msg: "--keep " + keep + " is neither features nor scores"}
	}
}

// share reads --shard and --steal.
func (c *call) share() (bench.Share, error) {
	s, err := parseShard(c.String("shard"), c.getenv)
	if err != nil {
		return s, err
	}
	s.Steal = c.Bool("steal")
	switch {
	case s.Steal && s.Count == 0:
		return s, usageError{msg: "--steal is for one of several shares", hint: "name the share with --shard I/N"}
	case s.Count > 1 && c.String("out") == "":
		return s, usageError{msg: "--shard needs a folder to work in", hint: "name it with -o FOLDER"}
	case s.Count > 1 && c.String("keep") == "scores":
		return s, usageError{msg: "--shard needs the features kept: one share fits the probes for the others", hint: "leave --keep scores out"}
	}
	return s, nil
}

// shardSources are who may say which share of the work this process is.
var shardSources = []struct {
	index, min, step, count string // variables: its number, the first one's, their distance, how many there are
	first                   int    // number of the first one where no variable says it
}{
	{index: "SLURM_ARRAY_TASK_ID", min: "SLURM_ARRAY_TASK_MIN", step: "SLURM_ARRAY_TASK_STEP", count: "SLURM_ARRAY_TASK_COUNT"},
	{index: "JOB_COMPLETION_INDEX"},   // Kubernetes does not say how many
	{index: "PARALLEL_SEQ", first: 1}, // nor does GNU parallel
}

// parseShard reads "3/8", "auto" or "auto/8". "" is everything.
func parseShard(text string, getenv func(string) string) (bench.Share, error) {
	wrong := usageError{msg: fmt.Sprintf("--shard %s is not I/N with I from 1 to N, auto or auto/N", text)}
	if text == "" {
		return bench.Share{}, nil
	}
	which, of, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(of)
	if (err != nil || n < 1) && text != "auto" {
		return bench.Share{}, wrong
	}
	if which == "auto" {
		return autoShard(n, getenv)
	}
	i, err := strconv.Atoi(which)
	if err != nil || i < 1 || i > n {
		return bench.Share{}, wrong
	}
	return bench.Share{Index: i - 1, Count: n}, nil
}

// autoShard asks the environment which of n shares this process has; 0 asks how many there
// are, too.
func autoShard(n int, getenv func(string) string) (bench.Share, error) {
	number := func(name string, otherwise int) int {
		text := getenv(name)
		if text == "" {
			return otherwise
		}
		v, err := strconv.Atoi(text)
		if err != nil {
			return -1
		}
		return v
	}
	for _, s := range shardSources {
		if getenv(s.index) == "" {
			continue
		}
		i := (number(s.index, -1) - number(s.min, s.first)) / max(number(s.step, 1), 1)
		if n == 0 {
			if n = number(s.count, -1); n < 1 {
				return bench.Share{}, usageError{msg: "--shard auto: " + s.index + " says which share this is, and nobody says of how many", hint: "say it with --shard auto/N"}
			}
		}
		if i < 0 || i >= n {
			return bench.Share{}, usageError{msg: fmt.Sprintf("--shard auto: %s is %s, which is none of %d shares", s.index, getenv(s.index), n)}
		}
		return bench.Share{Index: i, Count: n}, nil
	}
	return bench.Share{}, usageError{msg: "--shard auto: neither Slurm, Kubernetes nor GNU parallel says which share this is", hint: "name it with --shard I/N"}
}

// resultFile has the whole result, of which all other files are made.
const resultFile = "result.json"

// runFiles are what a run leaves in its folder for people: file name and report format.
var runFiles = []struct{ name, format string }{
	{resultFile, "json"}, {"report.html", "html"}, {"table.txt", "table"}, {"results.csv", "csv"}, {"curve.svg", "svg"}, {"curve.png", "png"},
}

func runFileNames() []string {
	var names []string
	for _, f := range runFiles {
		names = append(names, f.name)
	}
	return names
}

// runFolder is the folder of a run.
type runFolder struct {
	*store.Folder
	temporary bool
}

// openRun opens the folder that --out names, or a temporary one.
func (c *call) openRun(share bench.Share) (*runFolder, error) {
	dir := c.String("out")
	if dir == "" {
		return newTemporaryRun()
	}
	if err := checkRun(dir, c.Bool("force")); err != nil {
		return nil, err
	}
	folder, err := store.Open(dir, workerName(share))
	return &runFolder{Folder: folder}, err
}

// newTemporaryRun makes a folder that closing removes.
func newTemporaryRun() (*runFolder, error) {
	dir, err := os.MkdirTemp("", "wiseft-run-")
	if err != nil {
		return nil, err
	}
	folder, err := store.Open(dir, workerName(bench.Share{}))
	return &runFolder{folder, true}, err
}

// checkRun refuses a folder that is none, or that holds results of something else.
func checkRun(dir string, force bool) error {
	if _, err := bench.ReadSpec(dir); err == nil {
		return nil // its plan decides
	}
	return checkFolder(dir, force, runFileNames())
}

// checkFolder refuses a folder that holds one of the named files already, unless
// force is set.
func checkFolder(dir string, force bool, names []string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usageError{msg: dir + ": the output is not a folder"}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil && !force {
			return usageError{msg: path + ": the output exists", hint: "replace it with --force"}
		}
	}
	return nil
}

// workerName is a name that no other process has, here or on another machine.
func workerName(share bench.Share) string {
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

func (r *runFolder) close() {
	_ = r.Close() // the journal; units are whole
	if r.temporary {
		_ = os.RemoveAll(r.Root())
	}
}

// explain says what the user can do about a folder that holds another run.
func (r *runFolder) explain(err error) error {
	if is[*bench.PlanError](err) {
		return usageError{msg: err.Error(), hint: "--force lets this one take its place, and keeps what both need; or choose another folder"}
	}
	return err
}

// write writes the files of a result, unless the folder is temporary.
func (r *runFolder) write(res *bench.Result) error {
	if r.temporary {
		return nil
	}
	return writeRun(r.Root(), res)
}

// writeRun writes the files of a result. A benchmark without a whole suite has no
// curve.
func writeRun(dir string, r *bench.Result) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, f := range runFiles {
		path := filepath.Join(dir, f.name)
		_, _, err := writeOutput(path, func(w io.Writer) error { return report.Write(w, f.format, r) })
		if is[*report.EmptyPlotError](err) {
			if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) { // one of another plan
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
