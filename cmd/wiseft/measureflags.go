package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/cluster"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/protocol"
	"github.com/wiseft/wiseft/probe/report"
)

// probeOptions are flags of the probe that is fitted.
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

// choosingOptions are flags of the training and the validation data.
type choosingOptions struct {
	train     string
	vals      []string
	fromTrain float64
}

func (o *choosingOptions) flags(what string) []cli.Flag {
	return section("Measuring:",
		define(&o.train, "train", "`DATA` that probes are fitted on (its train split)").env(),
		define(&o.vals, "val", "`DATA` that chooses "+what+", unseen in fine-tuning (its val split), or NAME=DATA; "+
			"may be repeated: the mean chooses").env(),
		define(&o.fromTrain, "val-from-train", "a `SHARE` of the training data chooses "+what+
			", if it was not used for fine-tuning").env(),
	)
}

// validation returns where validation data comes from. A value of --val that names no file is split at its first =.
func (o *choosingOptions) validation(data *dataOptions) wiseft.Validation {
	v := wiseft.Validation{FromTrain: o.fromTrain}
	for _, text := range o.vals {
		set := wiseft.NamedData{Data: data.at(text)}
		if name, path, named := strings.Cut(text, "="); named {
			if _, err := os.Stat(text); err != nil {
				set = wiseft.NamedData{Name: name, Data: data.at(path)}
			}
		}
		v.Sets = append(v.Sets, set)
	}
	return v
}

// measureOptions are the flags that sweep and bench share.
type measureOptions struct {
	wiseft.MeasureOptions
	choosingOptions
	tests, transfers []string
	corrupted        string
	severities       string
	heads            []string
	headInit         string
	fromTest         float64
	maxLoss          float64
	runOptions
	scoreOptions
	probeOptions
	runtimeOptions
	poolOptions
	dataOptions
}

func (o *measureOptions) flags() []cli.Flag {
	flags := section("Measuring:",
		define(&o.tests, "test", "`DATA` that is corrupted and scored (its test split); "+
			"a folder of corrupted data is scored as it is; may be repeated").env(),
		define(&o.corrupted, "corrupted", "the same samples as the first --test, stored corrupted: a folder `DATA` of CIFAR-C or "+
			"ImageNet-C, which is read as it is").shown("corrupted here").env(),
		define(&o.transfers, "transfer", "other `DATA[:PROTOCOLS]` on whose features every model is measured: "+
			strings.Join(protocol.Names(), ", ")+", or all; also NAME=DATA, TRAIN,TEST, or a folder of published few-shot folds; "+
			"may be repeated").env(),
		allowSharedFlag(&o.AllowShared),
		define(&o.Suite, "suite", "corruption suite, or none; see wiseft list suites").or("modelnet-c").env(),
		define(&o.Reference, "reference", "what corruption errors are measured against: a `NAME` of wiseft list references, "+
			"or a JSON file").shown("the suite's own").env(),
		define(&o.Baselines, "baseline", "`MODEL` through which the line of effective robustness goes; may be repeated").
			shown("alpha 0 and 1"),
		define(&o.Corruptions, "corruption", "only the corruption `NAME`; may be repeated"),
		define(&o.severities, "severity", "only these severities").or("1-5").env(),
		define(&o.heads, "head", "`probe` fits one by --solver, probe:SOLVER by another, probe:SOLVER:finetuned from the "+
			"fine-tuned model's own head; may be repeated. own takes the model's output as class scores").shown("probe").env(),
		define(&o.headInit, "head-init", "in a sweep: where the fits of heads start: zero, or `finetuned`, the fine-tuned model's "+
			"own head").shown("zero").env(),
		define(&o.HeadLabels, "head-labels", "with --head own: label `MAP` of the class scores, a name of wiseft list labels or a JSON "+
			"file; scores without a label are left out, and of several with one label the highest counts").
			shown("class scores as they are").env(),
		define(&o.fromTest, "val-from-test", "a `SHARE` of the test data chooses alpha, and is left out of all test figures").
			env(),
		define(&o.Choose.Rule, "choose", "the `RULE` by which alpha is chosen on validation data: "+ruleNames()).
			shown("robustness, or one-standard-error without a suite").env(),
		define(&o.Choose.Val, "choose-val", "the `NAME` of the validation data that chooses").shown("the mean of all").env(),
		define(&o.maxLoss, "max-loss", "`POINTS` of clean accuracy that the rule robustness may give away").or(1).env(),
		define(&o.WarmStart, "warm-start", "fit every probe from that of the alpha before: a tenth less work, "+
			"and shares wait for each other").env(),
		define(&o.Choose.OnTest, "choose-on-test", "let test data choose; every result says so").env(),
	)
	return slices.Concat(o.choosingOptions.flags("alpha"), flags, o.scoreOptions.flags(), o.runOptions.flags(),
		o.probeOptions.flags(wiseft.SweepTol), o.runtimeOptions.flags(), o.poolOptions.flags(), o.dataOptions.flags())
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
	m.Train, m.Val, m.Seed = o.at(o.train), o.validation(&o.dataOptions), o.dataOptions.Seed
	m.Val.FromTest, m.Score = o.fromTest, o.score
	m.Tensor, m.Layout, m.Pool, m.Monitor = o.tensor, o.layout, o.pool, c.monitor()
	for _, path := range o.tests {
		m.Tests = append(m.Tests, o.at(path))
	}
	if o.corrupted != "" {
		m.Corrupted = o.at(o.corrupted)
	}
	for _, text := range o.transfers {
		t := wiseft.ParseTransfer(text)
		t.Data, t.Test = o.at(t.Data.Path), o.at(t.Test.Path)
		m.Transfers = append(m.Transfers, t)
	}
	if m.Probe, err = o.probeOptions.options(); err != nil {
		return m, err
	}
	if m.Severities, err = parseSeverities(o.severities, corrupt.Severities); err != nil {
		return m, usagef("%w", err)
	}
	if err := o.setHeads(c, &m); err != nil {
		return m, err
	}
	if err := o.setLoss(c, &m.Choose); err != nil {
		return m, err
	}
	if m.Runtime, err = o.runtimeOptions.options(c); err != nil {
		return m, err
	}
	m.Run, err = o.runOptions.options(c)
	return m, err
}

// setLoss sets what the rule robustness may lose. A named loss implies the rule.
func (o *measureOptions) setLoss(c *call, choice *choose.Choice) error {
	if c.IsSet("max-loss") && choice.Rule == "" {
		choice.Rule = "robustness"
	}
	switch {
	case choice.Rule == "robustness":
		choice.Points = o.maxLoss / 100
	case c.IsSet("max-loss"):
		return usagef("--max-loss is for the rule robustness, not %s", choice.Rule)
	}
	return nil
}

// runOptions are flags of a run's folder, and of the share of the run that this process computes.
type runOptions struct {
	wiseft.RunOptions
	keep, shard string
}

func (o *runOptions) flags() []cli.Flag {
	return section("The run:",
		define(&o.Folder, "out", "`FOLDER` for results and for what they are made of; a run that was stopped goes on there").
			alias("o").shown("named for the command, in the working folder").env(),
		define(&o.Replace, "force", "let this run take the place of another one in the folder; what both need stays").env(),
		dryRunFlag(&o.DryRun),
		define(&o.keep, "keep", "`WHAT` stays in the folder: features, with which another probe needs no forward pass, "+
			"or scores alone").or("features").env(),
		define(&o.shard, "shard", "do only share `I/N` of the run, I from 1 to N; auto or auto/N takes it from Slurm, "+
			"Kubernetes or GNU parallel").env(),
		define(&o.Share.Steal, "steal", "go on with what other shares have not begun, in a folder that all workers share").
			env(),
	)
}

func (o *runOptions) options(c *call) (r wiseft.RunOptions, err error) {
	r = o.RunOptions
	r.ScoresOnly = o.keep == "scores"
	r.Command = text.ShellWords(c.line)
	if o.keep != "features" && o.keep != "scores" {
		return r, usagef("--keep %s is neither features nor scores", o.keep)
	}
	if r.Share, err = cluster.ParseShare(o.shard, c.getenv); err != nil {
		return r, usagef("--shard %w", err)
	}
	r.Share.Steal = o.Share.Steal
	if r.Folder == "" && r.Share.Count <= 1 {
		o.nameFolder(c, &r)
	}
	return r, nil
}

// nameFolder sets the folder of a run for which the command line names none.
func (o *runOptions) nameFolder(c *call, r *wiseft.RunOptions) {
	folder, err := wiseft.RunFolder(c.Command.Name, c.args, c.line[1:])
	if err != nil {
		c.note("nothing of this run is kept: " + err.Error() + "; name a folder with -o")
		return
	}
	r.Folder, r.Replace, r.ScoresOnly = folder, true, r.ScoresOnly || !c.IsSet("keep")
	c.note("the run is kept in " + folder + ", where the same command goes on; -o names another folder")
}

// measured prints the result of a sweep or benchmark.
type measured struct {
	*wiseft.Measured
	columns int // of the terminal
}

func (m measured) writeText(w io.Writer) error {
	if err := report.Write(w, "table", m.Result); err != nil {
		return err
	}
	return report.WriteSparklines(w, m.Result, m.columns)
}

// share describes the share of a run that this process has computed.
type share struct {
	Schema  string  `json:"schema"`
	Folder  string  `json:"folder"`
	Cached  int     `json:"n_cached"`
	Missing int     `json:"n_missing"`
	Seconds float64 `json:"seconds"`
}

func (s share) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: this share is done in %.1f s; %s wait for other shares\n"+
		"wiseft collect %s makes the result when all are done\n",
		s.Folder, s.Seconds, text.Count(s.Missing, "unit"), s.Folder)
	return err
}

// newMeasured returns the printable form of a run: its result, or the share that was computed.
func newMeasured(c *call, m *wiseft.Measured, err error) (result, error) {
	if c.Context.Err() != nil && errors.Is(err, c.Context.Err()) {
		return nil, fault.New(fault.Failed, "%w", err).WithHint("run again to go on: %s", text.ShellWords(c.line))
	}
	if err != nil {
		return nil, err
	}
	if m.Estimate != nil {
		return estimated{"wiseft.dry-run/1", []estimate{{m.Folder, m.Estimate}}}, nil
	}
	if m.Result == nil {
		return share{"wiseft.share/1", m.Folder, m.NCached, m.Missing, m.Seconds}, nil
	}
	return measured{m, c.columns()}, nil
}

func allowSharedFlag(dst *bool) definition {
	return define(dst, "allow-shared", "measure although samples are in two of the data sets; every result names them").env()
}
