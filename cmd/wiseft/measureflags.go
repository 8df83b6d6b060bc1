package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/report"
)

// probeOptions are flags of which probe is fitted. A tolerance of 0 is the command's default.
type probeOptions struct {
	fit.Options
	cs, classWeight, hidden string
}

// flags returns the flags. tolText is the default of --tol in the command's help.
func (o *probeOptions) flags(tolText string) []cli.Flag {
	const category = "Probe:"
	return []cli.Flag{
		&cli.StringFlag{Name: "solver", Value: "logistic", Usage: "what is minimised; see wiseft list solvers", EnvVars: []string{"WISEFT_SOLVER"}, Category: category, Destination: &o.Solver},
		&cli.StringFlag{Name: "C", Value: "1", Usage: "weight of the loss against the penalty on the weights", EnvVars: []string{"WISEFT_C"}, Category: category, Destination: &o.cs},
		&cli.StringFlag{Name: "class-weight", Usage: "none, or balanced: all classes count alike", Value: "none", EnvVars: []string{"WISEFT_CLASS_WEIGHT"}, Category: category, Destination: &o.classWeight},
		&cli.Float64Flag{Name: "tol", DefaultText: tolText, Usage: "relative gradient norm at which a solver stops", EnvVars: []string{"WISEFT_TOL"}, Category: category, Destination: &o.Tol},
		&cli.IntFlag{Name: "max-iter", Value: 1000, Usage: "iterations at most", EnvVars: []string{"WISEFT_MAX_ITER"}, Category: category, Destination: &o.MaxIter},
		&cli.IntFlag{Name: "neighbors", Value: 5, Usage: "votes of the solver knn", EnvVars: []string{"WISEFT_NEIGHBORS"}, Category: category, Destination: &o.Neighbors},
		&cli.StringFlag{Name: "hidden", Value: "256", Usage: "sizes of the hidden layers of the solver mlp, such as 256,256", EnvVars: []string{"WISEFT_HIDDEN"}, Category: category, Destination: &o.hidden},
		&cli.Float64Flag{Name: "dropout", Usage: "share of hidden values that the solver mlp drops", EnvVars: []string{"WISEFT_DROPOUT"}, Category: category, Destination: &o.Dropout},
		&cli.IntFlag{Name: "epochs", Value: 100, Usage: "passes of the solver mlp", EnvVars: []string{"WISEFT_EPOCHS"}, Category: category, Destination: &o.Epochs},
		&cli.Uint64Flag{Name: "probe-seed", Usage: "of the solver mlp, and of folds", EnvVars: []string{"WISEFT_PROBE_SEED"}, Category: category, Destination: &o.Seed},
		&cli.BoolFlag{Name: "standardize", Usage: "scale features to mean 0 and deviation 1 first (folded back into the probe)", EnvVars: []string{"WISEFT_STANDARDIZE"}, Category: category, Destination: &o.Standardize},
	}
}

// options returns the options of a fit with one value of C.
func (o *probeOptions) options(c *call) (fit.Options, error) {
	opt, cs, err := o.pathOptions(c)
	if err == nil && len(cs) > 1 {
		err = usagef("--C names several values; this command takes one").WithHint("choose one with wiseft probe fit")
	}
	return opt, err
}

// pathOptions returns the options of a fit and all values of C, the first of which is in the options.
func (o *probeOptions) pathOptions(c *call) (opt fit.Options, cs []float64, err error) {
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
	if c.IsSet("tol") && !(opt.Tol > 0) || opt.MaxIter < 1 || opt.Neighbors < 1 || opt.Epochs < 1 {
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
	const category = "Measuring:"
	return []cli.Flag{
		&cli.StringFlag{Name: "train", Usage: "`DATA` that probes are fitted on (its train split)", EnvVars: []string{"WISEFT_TRAIN"}, Category: category, Destination: &o.train},
		&cli.StringFlag{Name: "val", Usage: "`DATA` that chooses " + what, DefaultText: "a fifth of the training data", EnvVars: []string{"WISEFT_VAL"}, Category: category, Destination: &o.val},
	}
}

// measureOptions are the flags that sweep and bench share.
type measureOptions struct {
	choosingOptions
	tests, baselines, corruptions              cli.StringSlice
	suite, reference, severities, head, choose string
	maxLoss                                    float64
	warmStart, onTest                          bool
	runOptions
	probeOptions
	runtimeOptions
	dataOptions
}

func (o *measureOptions) flags() []cli.Flag {
	const category = "Measuring:"
	flags := append(o.choosingOptions.flags("alpha"), []cli.Flag{
		&cli.StringSliceFlag{Name: "test", Usage: "`DATA` that is corrupted and scored (its test split); a folder of corrupted data is scored as it is; may be repeated", EnvVars: []string{"WISEFT_TEST"}, Category: category, Destination: &o.tests},
		&cli.StringFlag{Name: "suite", Value: "modelnet-c", Usage: "corruption suite, or none; see wiseft list suites", EnvVars: []string{"WISEFT_SUITE"}, Category: category, Destination: &o.suite},
		&cli.StringFlag{Name: "reference", Usage: "what corruption errors are measured against: a `NAME` of wiseft list references, or a JSON file", DefaultText: "the suite's own", EnvVars: []string{"WISEFT_REFERENCE"}, Category: category, Destination: &o.reference},
		&cli.StringSliceFlag{Name: "baseline", Usage: "`MODEL` through which the line of effective robustness goes; may be repeated", DefaultText: "alpha 0 and 1", Category: category, Destination: &o.baselines},
		&cli.StringSliceFlag{Name: "corruption", Usage: "only the corruption `NAME`; may be repeated", Category: category, Destination: &o.corruptions},
		&cli.StringFlag{Name: "severity", Value: "1-5", Usage: "only these severities", EnvVars: []string{"WISEFT_SEVERITY"}, Category: category, Destination: &o.severities},
		&cli.StringFlag{Name: "head", Value: "probe", Usage: "`probe` fits one; own takes the model's output as class scores", EnvVars: []string{"WISEFT_HEAD"}, Category: category, Destination: &o.head},
		&cli.StringFlag{Name: "choose", Value: "accuracy", Usage: "the `RULE` by which alpha is chosen on validation data: " + ruleNames(), EnvVars: []string{"WISEFT_CHOOSE"}, Category: category, Destination: &o.choose},
		&cli.Float64Flag{Name: "max-loss", Value: 1, Usage: "`POINTS` of clean accuracy that the rule robustness may give away", EnvVars: []string{"WISEFT_MAX_LOSS"}, Category: category, Destination: &o.maxLoss},
		&cli.BoolFlag{Name: "warm-start", Usage: "fit every probe from that of the alpha before: a tenth less work, and shares wait for each other", EnvVars: []string{"WISEFT_WARM_START"}, Category: category, Destination: &o.warmStart},
		&cli.BoolFlag{Name: "choose-on-test", Usage: "let test data choose; every result says so", EnvVars: []string{"WISEFT_CHOOSE_ON_TEST"}, Category: category, Destination: &o.onTest},
	}...)
	flags = append(flags, o.runOptions.flags()...)
	flags = append(flags, o.probeOptions.flags(sweepTolText)...)
	flags = append(flags, o.runtimeOptions.flags()...)
	return append(flags, o.dataOptions.flags()...)
}

// sweepTolText and fitTolText are the defaults of --tol, for help.
var (
	sweepTolText = strconv.FormatFloat(wiseft.SweepTol, 'g', -1, 64)
	fitTolText   = strconv.FormatFloat(fitTol, 'g', -1, 64)
)

// fitTol is the tolerance of a single fit.
const fitTol = 1e-6

func ruleNames() string {
	var names []string
	for _, r := range choose.Rules() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

func (o *measureOptions) options(c *call) (m wiseft.MeasureOptions, err error) {
	m = wiseft.MeasureOptions{Train: o.at(o.train), Val: o.at(o.val), Suite: o.suite, Corruptions: o.corruptions.Value(), Reference: o.reference,
		Baselines: o.baselines.Value(), Tensor: o.tensor, WarmStart: o.warmStart, Layout: o.layout, Seed: o.dataOptions.Seed, Monitor: c.monitor()}
	for _, path := range o.tests.Value() {
		m.Tests = append(m.Tests, o.at(path))
	}
	if m.Probe, err = o.probeOptions.options(c); err != nil {
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
	m.Choose = choose.Choice{Rule: o.choose, OnTest: o.onTest}
	if o.choose == "robustness" {
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
	folder, keep, shard string
	replace, steal      bool
}

func (o *runOptions) flags() []cli.Flag {
	const category = "The run:"
	return []cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FOLDER` for results and for what they are made of; a run that was stopped goes on there", EnvVars: []string{"WISEFT_OUT"}, Category: category, Destination: &o.folder},
		&cli.BoolFlag{Name: "force", Usage: "let this run take the place of another one in the folder; what both need stays", EnvVars: []string{"WISEFT_FORCE"}, Category: category, Destination: &o.replace},
		&cli.StringFlag{Name: "keep", Value: "features", Usage: "`WHAT` stays in the folder: features, with which another probe needs no forward pass, or scores alone", EnvVars: []string{"WISEFT_KEEP"}, Category: category, Destination: &o.keep},
		&cli.StringFlag{Name: "shard", Usage: "do only share `I/N` of the run, I from 1 to N; auto or auto/N takes it from Slurm, Kubernetes or GNU parallel", EnvVars: []string{"WISEFT_SHARD"}, Category: category, Destination: &o.shard},
		&cli.BoolFlag{Name: "steal", Usage: "go on with what other shares have not begun, in a folder that all workers share", EnvVars: []string{"WISEFT_STEAL"}, Category: category, Destination: &o.steal},
	}
}

func (o *runOptions) options(c *call) (r wiseft.RunOptions, err error) {
	r = wiseft.RunOptions{Folder: o.folder, Replace: o.replace, ScoresOnly: o.keep == "scores"}
	if o.keep != "features" && o.keep != "scores" {
		return r, usagef("--keep %s is neither features nor scores", o.keep)
	}
	r.Share, err = parseShard(o.shard, c.getenv)
	r.Share.Steal = o.steal
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
		s.Folder, s.Seconds, count(s.Missing, "unit"), s.Folder)
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

// count writes "1 model" or "3 models".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
