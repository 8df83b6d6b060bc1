package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/report"
)

// probeOptions are flags of which probe is fitted.
type probeOptions struct {
	fit.Options
	cs, classWeight, hidden string
}

// flags returns the flags. tol is the default of --tol: fit.DefaultTol or wiseft.SweepTol.
func (o *probeOptions) flags(tol float64) []cli.Flag {
	return section("Probe:",
		define(&o.Solver, "solver", "what is minimised; see wiseft list solvers").or("logistic").env(),
		define(&o.cs, "C", "weight of the loss against the penalty on the weights").or("1").env(),
		define(&o.classWeight, "class-weight", "none, or balanced: all classes count alike").or("none").env(),
		define(&o.Tol, "tol", "relative gradient norm at which a solver stops").or(tol).env(),
		define(&o.MaxIter, "max-iter", "iterations at most").or(1000).env(),
		define(&o.Neighbors, "neighbors", "votes of the solver knn").or(5).env(),
		define(&o.hidden, "hidden", "sizes of the hidden layers of the solver mlp, such as 256,256").or("256").env(),
		define(&o.Dropout, "dropout", "share of hidden values that the solver mlp drops").env(),
		define(&o.Epochs, "epochs", "passes of the solver mlp").or(100).env(),
		define(&o.Seed, "probe-seed", "of the solver mlp, and of folds").env(),
		define(&o.Standardize, "standardize", "scale features to mean 0 and deviation 1 first (folded back into the probe)").
			env(),
	)
}

// options returns the options of a fit with one value of C.
func (o *probeOptions) options() (fit.Options, error) {
	opt, cs, err := o.pathOptions()
	if err == nil && len(cs) > 1 {
		err = usagef("--C names several values; this command takes one").WithHint("choose one with wiseft probe fit")
	}
	return opt, err
}

// pathOptions returns the options of a fit and all values of C, the first of which is in the options.
func (o *probeOptions) pathOptions() (opt fit.Options, cs []float64, err error) {
	opt = o.Options
	if _, err := fit.LookupSolver(opt.Solver); err != nil {
		return opt, nil, usagef("there is no solver %s", opt.Solver).WithHint("see wiseft list solvers")
	}
	if cs, err = parseLogGrid(o.cs); err != nil {
		return opt, nil, usagef("--C %w", err)
	}
	opt.C = cs[0]
	if opt.Hidden, err = parseSizes(o.hidden); err != nil {
		return opt, nil, usagef("--hidden %w", err)
	}
	if o.classWeight != "none" && o.classWeight != "balanced" {
		return opt, nil, usagef("--class-weight %s is neither none nor balanced", o.classWeight)
	}
	opt.Balanced = o.classWeight == "balanced"
	if !(opt.Tol > 0) || opt.MaxIter < 1 || opt.Neighbors < 1 || opt.Epochs < 1 {
		return opt, nil, usagef("--tol, --max-iter, --neighbors and --epochs must be positive")
	}
	if !(opt.Dropout >= 0 && opt.Dropout < 1) {
		return opt, nil, usagef("--dropout %g is not within [0, 1)", opt.Dropout)
	}
	return opt, cs, nil
}

// choosingOptions are flags of the data by which something is chosen.
type choosingOptions struct{ train, val string }

func (o *choosingOptions) flags(what string) []cli.Flag {
	return section("Measuring:",
		define(&o.train, "train", "`DATA` that probes are fitted on (its train split)").env(),
		define(&o.val, "val", "`DATA` that chooses "+what).shown("a fifth of the training data").env(),
	)
}

// measureOptions are the flags that sweep and bench share.
type measureOptions struct {
	wiseft.MeasureOptions
	choosingOptions
	tests            []string
	severities, head string
	maxLoss          float64
	runOptions
	probeOptions
	runtimeOptions
	dataOptions
}

func (o *measureOptions) flags() []cli.Flag {
	flags := section("Measuring:",
		define(&o.tests, "test", "`DATA` that is corrupted and scored (its test split); "+
			"a folder of corrupted data is scored as it is; may be repeated").env(),
		define(&o.Suite, "suite", "corruption suite, or none; see wiseft list suites").or("modelnet-c").env(),
		define(&o.Reference, "reference", "what corruption errors are measured against: a `NAME` of wiseft list references, "+
			"or a JSON file").shown("the suite's own").env(),
		define(&o.Baselines, "baseline", "`MODEL` through which the line of effective robustness goes; may be repeated").
			shown("alpha 0 and 1"),
		define(&o.Corruptions, "corruption", "only the corruption `NAME`; may be repeated"),
		define(&o.severities, "severity", "only these severities").or("1-5").env(),
		define(&o.head, "head", "`probe` fits one; own takes the model's output as class scores").or("probe").env(),
		define(&o.Choose.Rule, "choose", "the `RULE` by which alpha is chosen on validation data: "+ruleNames()).
			or("accuracy").env(),
		define(&o.maxLoss, "max-loss", "`POINTS` of clean accuracy that the rule robustness may give away").or(1).env(),
		define(&o.WarmStart, "warm-start", "fit every probe from that of the alpha before: a tenth less work, "+
			"and shares wait for each other").env(),
		define(&o.Choose.OnTest, "choose-on-test", "let test data choose; every result says so").env(),
	)
	return slices.Concat(o.choosingOptions.flags("alpha"), flags, o.runOptions.flags(),
		o.probeOptions.flags(wiseft.SweepTol), o.runtimeOptions.flags(), o.dataOptions.flags())
}

func ruleNames() string {
	var names []string
	for _, r := range choose.Rules() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

func (o *measureOptions) options(c *call) (m wiseft.MeasureOptions, err error) {
	m = o.MeasureOptions
	m.Train, m.Val, m.Seed = o.at(o.train), o.at(o.val), o.dataOptions.Seed
	m.Tensor, m.Layout, m.Monitor = o.tensor, o.layout, c.monitor()
	for _, path := range o.tests {
		m.Tests = append(m.Tests, o.at(path))
	}
	if m.Probe, err = o.probeOptions.options(); err != nil {
		return m, err
	}
	if m.Severities, err = parseSeverities(o.severities, corrupt.Severities); err != nil {
		return m, usagef("%w", err)
	}
	switch o.head {
	case "own":
		m.OwnHead = true
	case "probe":
	default:
		return m, usagef("--head %s is neither probe nor own", o.head)
	}
	if m.Choose.Rule == "robustness" {
		m.Choose.Points = o.maxLoss / 100
	}
	if m.Runtime, err = o.runtimeOptions.options(c); err != nil {
		return m, err
	}
	m.Run, err = o.runOptions.options(c)
	return m, err
}

// runOptions are flags of where a run is kept, and who computes which part of it.
type runOptions struct {
	wiseft.RunOptions
	keep, shard string
}

func (o *runOptions) flags() []cli.Flag {
	return section("The run:",
		define(&o.Folder, "out", "`FOLDER` for results and for what they are made of; a run that was stopped goes on there").
			alias("o").env(),
		define(&o.Replace, "force", "let this run take the place of another one in the folder; what both need stays").env(),
		define(&o.keep, "keep", "`WHAT` stays in the folder: features, with which another probe needs no forward pass, "+
			"or scores alone").or("features").env(),
		define(&o.shard, "shard", "do only share `I/N` of the run, I from 1 to N; auto or auto/N takes it from Slurm, "+
			"Kubernetes or GNU parallel").env(),
		define(&o.Share.Steal, "steal", "go on with what other shares have not begun, in a folder that all workers share").env(),
	)
}

func (o *runOptions) options(c *call) (r wiseft.RunOptions, err error) {
	r = o.RunOptions
	r.ScoresOnly = o.keep == "scores"
	if o.keep != "features" && o.keep != "scores" {
		return r, usagef("--keep %s is neither features nor scores", o.keep)
	}
	r.Share, err = parseShard(o.shard, c.getenv)
	r.Share.Steal = o.Share.Steal
	return r, err
}

// shardSources are the environments that number the processes of a job.
var shardSources = []struct {
	index, min, step, count string // variables: the process's number, the first number, their distance, how many there are
	first                   int    // the first number where no variable has it
}{
	{index: "SLURM_ARRAY_TASK_ID", min: "SLURM_ARRAY_TASK_MIN", step: "SLURM_ARRAY_TASK_STEP", count: "SLURM_ARRAY_TASK_COUNT"},
	{index: "JOB_COMPLETION_INDEX"},   // Kubernetes has no variable for the count
	{index: "PARALLEL_SEQ", first: 1}, // nor has GNU parallel
}

// parseShard reads "3/8", "auto" or "auto/8". "" is everything.
func parseShard(text string, getenv func(string) string) (unit.Share, error) {
	wrong := usagef("--shard %s is not I/N with I from 1 to N, auto or auto/N", text)
	if text == "" {
		return unit.Share{}, nil
	}
	which, of, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(of)
	if (err != nil || n < 1) && text != "auto" {
		return unit.Share{}, wrong
	}
	if which == "auto" {
		return autoShard(n, getenv)
	}
	i, err := strconv.Atoi(which)
	if err != nil || i < 1 || i > n {
		return unit.Share{}, wrong
	}
	return unit.Share{Index: i - 1, Count: n}, nil
}

// autoShard reads from the environment which of n shares this process has; for n = 0 it reads their number, too.
func autoShard(n int, getenv func(string) string) (unit.Share, error) {
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
				return unit.Share{}, usagef("--shard auto: %s numbers this share, and no variable has the number of shares", s.index).
					WithHint("say it with --shard auto/N")
			}
		}
		if i < 0 || i >= n {
			return unit.Share{}, usagef("--shard auto: %s is %s, which is none of %d shares", s.index, getenv(s.index), n)
		}
		return unit.Share{Index: i, Count: n}, nil
	}
	return unit.Share{}, usagef("--shard auto: no variable of Slurm, Kubernetes or GNU parallel numbers this share").WithHint("name it with --shard I/N")
}

// measured prints the result of a sweep or benchmark.
type measured struct{ *wiseft.Measured }

func (m measured) writeText(w io.Writer) error { return report.Write(w, "table", m.Result) }

// share is what a worker has done of a run that others share.
type share struct {
	Schema  string  `json:"schema"`
	Folder  string  `json:"folder"`
	Cached  int     `json:"n_cached"`
	Missing int     `json:"n_missing"`
	Seconds float64 `json:"seconds"`
}

func (s share) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: this share is done in %.1f s; %s wait for other shares\nwiseft collect %s makes the result when all are done\n",
		s.Folder, s.Seconds, text.Count(s.Missing, "unit"), s.Folder)
	return err
}

// newMeasured returns what is printed of a run.
func newMeasured(m *wiseft.Measured, err error) (result, error) {
	if err != nil {
		return nil, err
	}
	if m.Result == nil {
		return share{"wiseft.share/1", m.Folder, m.NCached, m.Missing, m.Seconds}, nil
	}
	return measured{m}, nil
}
