package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/fit"
)

// fewShotCommand has the options of probe few-shot.
type fewShotCommand struct {
	wiseft.FewShotTask
	foldFiles, split string
	probeOptions
	runtimeOptions
	poolOptions
	dataOptions
}

func newProbeFewShotCommand() *cli.Command {
	var o fewShotCommand
	return newCommand(&cli.Command{
		Name:      "few-shot",
		Usage:     "k-way n-shot tasks on frozen features: mean and deviation over the folds",
		ArgsUsage: "F.npz [MORE.npz…] | MODEL [MORE…] --fold-files DIR",
		Description: "Every fold draws --way classes, --shot samples of each to fit on and --query to test\n" +
			"on. Features of several models must be of the same samples: they meet the same tasks, and\n" +
			"are compared fold by fold with the first. Published few-shot figures fine-tune the\n" +
			"whole model in every fold; these do not.\n\n" +
			"With --fold-files, the folds are the published ones (0.pkl to 9.pkl of a folder such as\n" +
			"ModelNetFewshot/5way_10shot), and the models themselves run on their clouds.\n\n" +
			"Examples:\n" +
			"  wiseft probe few-shot train.npz --way 5 --shot 10\n" +
			"  wiseft probe few-shot a.onnx b.onnx --fold-files ModelNetFewshot/5way_10shot --points 1024",
		Flags: slices.Concat(section("",
			define(&o.foldFiles, "fold-files", "`DIR` of fold files, each with the splits train and test").env(),
			define(&o.Way, "way", "classes of a task").or(5).env(),
			define(&o.Shot, "shot", "samples of a class to fit on").or(10).env(),
			define(&o.Query, "query", "samples of a class to test on").or(20).env(),
			define(&o.Folds, "folds", "tasks").or(10).env(),
			splitFlag(&o.split),
		), o.probeOptions.flags(fit.DefaultTol), o.runtimeOptions.flags(), o.poolOptions.flags(),
			o.dataOptions.flags()),
	}, atLeast(), abandonable(o.run))
}

var fewShot = form[wiseft.FoldsResult]{"wiseft.probe-few-shot/1", writeFolds}

func (o *fewShotCommand) run(ctx context.Context, c *call) (result, error) {
	if o.foldFiles != "" {
		return o.runFoldFiles(ctx, c)
	}
	if err := atLeast("F.npz").check(c); err != nil {
		return nil, err
	}
	opt, err := o.probeOptions.options()
	if err != nil {
		return nil, err
	}
	features := wiseft.FeatureOptions{Target: o.Target, Split: o.split, Monitor: c.monitor()}
	switch len(o.inputs) {
	case 0:
	case 1:
		features.Input = o.inputs[0]
	default:
		return nil, usagef("--input is given %d times; features are one array", len(o.inputs))
	}
	return fewShot.result(wiseft.FewShot(ctx, c.args, o.FewShotTask, wiseft.FoldsOptions{Probe: opt, Features: features}))
}

// runFoldFiles measures models on folds that are files.
func (o *fewShotCommand) runFoldFiles(ctx context.Context, c *call) (result, error) {
	if err := atLeast("MODEL").check(c); err != nil {
		return nil, err
	}
	for _, name := range []string{"way", "shot", "query", "folds", "split"} {
		if c.IsSet(name) {
			return nil, usagef("--%s is fixed by the files of --fold-files; leave it out", name)
		}
	}
	opt := wiseft.FoldFilesOptions{Data: o.Data, Tensor: o.tensor, Layout: o.layout, Pool: o.pool, Monitor: c.monitor()}
	opt.Monitor.Progress = nil // many short passes
	var err error
	if opt.Probe, err = o.probeOptions.options(); err != nil {
		return nil, err
	}
	if opt.Runtime, err = o.runtimeOptions.options(c); err != nil {
		return nil, err
	}
	return fewShot.result(wiseft.FewShotFiles(ctx, c.args, o.foldFiles, opt))
}
