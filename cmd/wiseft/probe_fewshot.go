package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// fewShotCommand is the options of probe few-shot.
type fewShotCommand struct {
	wiseft.FewShotTask
	foldFiles string
	probeOptions
	runtimeOptions
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
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "fold-files", Usage: "`DIR` of fold files, each with the splits train and test", EnvVars: []string{"WISEFT_FOLD_FILES"}, Destination: &o.foldFiles},
			&cli.IntFlag{Name: "way", Value: 5, Usage: "classes of a task", EnvVars: []string{"WISEFT_WAY"}, Destination: &o.Way},
			&cli.IntFlag{Name: "shot", Value: 10, Usage: "samples of a class to fit on", EnvVars: []string{"WISEFT_SHOT"}, Destination: &o.Shot},
			&cli.IntFlag{Name: "query", Value: 20, Usage: "samples of a class to test on", EnvVars: []string{"WISEFT_QUERY"}, Destination: &o.Query},
			&cli.IntFlag{Name: "folds", Value: 10, Usage: "tasks", EnvVars: []string{"WISEFT_FOLDS"}, Destination: &o.Folds},
		}, o.probeOptions.flags(fitTolText), o.runtimeOptions.flags(), o.dataOptions.flags()),
	}, o.run)
}

const fewShotSchema = "wiseft.probe-few-shot/1"

func (o *fewShotCommand) run(ctx context.Context, c *call) (result, error) {
	if o.foldFiles != "" {
		return o.runFoldFiles(ctx, c)
	}
	files, err := c.several("F.npz")
	if err != nil {
		return nil, err
	}
	opt, err := o.probeOptions.options(c)
	if err != nil {
		return nil, err
	}
	r, err := wiseft.FewShot(ctx, files, o.FewShotTask, opt)
	return &foldsReport{fewShotSchema, r}, err
}

// runFoldFiles measures models on folds that are files.
func (o *fewShotCommand) runFoldFiles(ctx context.Context, c *call) (result, error) {
	models, err := c.several("MODEL")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"way", "shot", "query", "folds"} {
		if c.IsSet(name) {
			return nil, usagef("--%s is what the files of --fold-files say; leave it out", name)
		}
	}
	opt := wiseft.FoldFilesOptions{Data: o.Data, Tensor: o.tensor, Layout: o.layout, Monitor: c.monitor()}
	opt.Monitor.Progress = nil // many short passes
	if opt.Probe, err = o.probeOptions.options(c); err != nil {
		return nil, err
	}
	if opt.Runtime, err = o.runtimeOptions.options(c); err != nil {
		return nil, err
	}
	r, err := wiseft.FewShotFiles(ctx, models, o.foldFiles, opt)
	return &foldsReport{fewShotSchema, r}, err
}
