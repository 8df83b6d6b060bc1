package main

import (
	"context"
	"io"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/report"
)

// notOfExperiments are flags of sweep that an experiment's document does not have: they are of the run.
var notOfExperiments = []string{"out", "o", "force", "shard", "steal", "dry-run", "json", "quiet", "q",
	"help", "h"}

// experimentCommand has the options of experiment.
type experimentCommand struct {
	out           string
	force, dryRun bool
}

func newExperimentCommand() *cli.Command {
	var o experimentCommand
	return newCommand(&cli.Command{
		Name:      "experiment",
		Usage:     "run a whole experiment that a document describes: pairs of models, seeds, one table",
		ArgsUsage: "FILE.yaml -o RUN",
		Description: "The keys of the document are the flags of wiseft sweep, and pairs, seeds and transfer:\n\n" +
			"  pairs:\n" +
			"    - {name: run1, pretrained: pretrained.onnx, finetuned: finetuned.onnx}\n" +
			"  seeds: [0, 1, 2]\n" +
			"  alphas: 0:1:0.1\n" +
			"  train: scans\n" +
			"  test: scans\n" +
			"  head: [probe, \"probe:mlp:finetuned\"]\n" +
			"  transfer:\n" +
			"    - {name: mn40, data: modelnet40, protocols: [svm, few-shot], points: 1024}\n\n" +
			"Paths are relative to the document's folder. Every pair with every seed is a sweep in a\n" +
			"folder of its own below RUN; rows and mixes are joined as mean and standard deviation, those\n" +
			"of pairs with a group, such as {group: OBJ_BG, …}, in a table of each group.\n" +
			"The same command goes on where it was stopped, and writes the same bytes.\n\n" +
			"Examples:\n" +
			"  wiseft experiment paper.yaml -o paper\n" +
			"  wiseft report paper/01-run1-seed-0 -o report.html",
		Flags: section("",
			outFlag(&o.out, "the `FOLDER` of the experiment").env(),
			dryRunFlag(&o.dryRun),
			forceFlag(&o.force, "let this experiment take the place of another one in the folder; what both need stays"),
		),
	}, exactly("FILE.yaml"), o.run)
}

func (o *experimentCommand) run(ctx context.Context, c *call) (result, error) {
	var of sweepCommand
	var flags []string
	for _, f := range of.flags() {
		for _, name := range f.Names() {
			if !slices.Contains(notOfExperiments, name) {
				flags = append(flags, name)
			}
		}
	}
	var data dataOptions
	var dataFlags []string
	for _, f := range data.flags() {
		dataFlags = append(dataFlags, f.Names()...)
	}
	file, err := wiseft.ReadExperiment(c.args[0], flags, dataFlags)
	if err != nil {
		return nil, err
	}
	var sweeps []wiseft.ExperimentSweep
	for _, run := range file.Runs {
		s, err := newExperimentSweep(ctx, c, run)
		if err != nil {
			return nil, file.Explain(run, err)
		}
		sweeps = append(sweeps, s)
	}
	if o.dryRun {
		return o.estimate(ctx, c, file, sweeps)
	}
	m, err := wiseft.RunExperiment(ctx, file, sweeps, o.out, o.force, c.monitor())
	if err != nil {
		return nil, err
	}
	return experimented{m}, nil
}

// estimate counts what the sweeps would do.
func (o *experimentCommand) estimate(ctx context.Context, c *call, file *wiseft.ExperimentFile,
	sweeps []wiseft.ExperimentSweep) (result, error) {
	e := estimated{Schema: "wiseft.dry-run/1"}
	for i, s := range sweeps {
		s.Options.Run.DryRun, s.Options.Run.Folder, s.Options.Monitor = true, s.Folder(o.out, i), c.monitor()
		m, err := wiseft.Sweep(ctx, s.Models, s.Options)
		if err != nil {
			return nil, file.Explain(s.ExperimentRun, err)
		}
		e.Runs = append(e.Runs, estimate{s.Options.Run.Folder, m.Estimate})
	}
	return e, nil
}

// experimented prints the result of an experiment.
type experimented struct{ *wiseft.MeasuredExperiment }

func (e experimented) writeText(w io.Writer) error { return report.WriteExperiment(w, e.Experiment) }

// newExperimentSweep reads the flags of a run as sweep reads its command line.
func newExperimentSweep(ctx context.Context, c *call, run wiseft.ExperimentRun) (wiseft.ExperimentSweep, error) {
	s := wiseft.ExperimentSweep{ExperimentRun: run}
	var o sweepCommand
	err := parseFlags(ctx, c, o.flags(), run.Flags, run.Models, func(inner *call) (err error) {
		o.Folder = "experiment" // set for every run by the library
		_, s.Options, err = o.options(inner)
		return err
	})
	if err != nil {
		return s, err
	}
	for _, t := range run.Transfers {
		var data dataOptions
		given := append(slices.Clone(run.Flags), t.Flags...) // the last one counts
		if err := parseFlags(ctx, c, data.flags(), given, nil, func(*call) error { return nil }); err != nil {
			return s, err
		}
		t.Data, t.Test = data.at(t.Data.Path), data.at(t.Test.Path)
		s.Options.Transfers = append(s.Options.Transfers, t.Transfer)
	}
	return s, nil
}

// parseFlags parses flags, those of others left out, as on a command line without an environment, and calls do.
func parseFlags(ctx context.Context, c *call, flags []cli.Flag, given []wiseft.ExperimentFlag, args []string,
	do func(*call) error) error {
	line := []string{"sweep"}
	for _, f := range given {
		if findFlag(flags, f.Name) != nil {
			line = append(line, "--"+f.Name+"="+f.Value)
		}
	}
	for _, f := range flags {
		withoutEnvironment(f)
	}
	app := &cli.App{Name: "sweep", Flags: flags, Writer: io.Discard, ErrWriter: io.Discard, HideHelp: true, HideVersion: true,
		DisableSliceFlagSeparator: true, ExitErrHandler: func(*cli.Context, error) {}, OnUsageError: onUsageError,
		Action: func(cc *cli.Context) error {
			inner := *c
			inner.Context, inner.args = cc, slices.Clone(args)
			if err := inner.fetch(ctx, flags); err != nil {
				return err
			}
			return do(&inner)
		}}
	return app.RunContext(ctx, line)
}

// withoutEnvironment takes the environment variables off a flag, unless they say how models run: a document says all
// that figures depend on.
func withoutEnvironment(f cli.Flag) {
	if category, ok := f.(cli.CategorizableFlag); ok && category.GetCategory() == "Running models:" {
		return
	}
	switch f := f.(type) {
	case *cli.StringFlag:
		f.EnvVars = nil
	case *cli.BoolFlag:
		f.EnvVars = nil
	case *cli.IntFlag:
		f.EnvVars = nil
	case *cli.Uint64Flag:
		f.EnvVars = nil
	case *cli.Float64Flag:
		f.EnvVars = nil
	case *cli.StringSliceFlag:
		f.EnvVars = nil
	}
}
