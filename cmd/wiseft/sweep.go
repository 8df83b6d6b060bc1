package main

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// sweepCommand has the options of sweep.
type sweepCommand struct {
	measureOptions
	mergeOptions
	repairOptions
	alignOptions
	alphas  string
	grid    []string
	search  bool
	floor   int
	noProof bool
	plane   landscapeOptions
}

func newSweepCommand() *cli.Command {
	var o sweepCommand
	return newCommand(&cli.Command{
		Name:      "sweep",
		Usage:     "merge, probe and benchmark over a grid of alpha (WiSE-FT-LP in one command)",
		ArgsUsage: "PRETRAINED [MODEL…] FINETUNED --train DATA --test DATA",
		Description: "For every alpha the models are merged in memory, a probe is fitted on features of the\n" +
			"clean training data, and scored on the test data, clean and corrupted. Alpha is chosen\n" +
			"on validation data that the fine-tuned model has not seen; without any, none is chosen, and\n" +
			"alpha 0.5 is marked. Test data decides nothing. First the pairing of the models' weights is\n" +
			"proved by running them, as merge --prove does.\n\n" +
			"What was computed stays in the folder RUN: the same command goes on where it was\n" +
			"stopped, and more alphas cost only themselves. Without -o a folder is named for the command;\n" +
			"it keeps probes and scores, and features with --keep features. Many machines share a sweep\n" +
			"with --shard.\n\n" +
			"Examples:\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train modelnet40 --test modelnet40 --val-from-test 0.3 \\\n" +
			"    --points 1024 -o run\n" +
			"  wiseft sweep base.onnx a.onnx b.onnx --method ties --grid density=0.1:0.9:0.2 --train d --test d -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --alphas 0:1:0.05 --search --train d --val d --test d -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train d --test d --repair d -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train d --test d --transfer other:svm,few-shot -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train d --val d --test d --landscape other.onnx -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train d --test d -o run --shard 3/8",
		Flags: o.flags(),
	}, atLeast(), o.run)
}

// flags returns the flags of sweep.
func (o *sweepCommand) flags() []cli.Flag {
	flags := section("",
		define(&o.alphas, "alphas", "shares of the fine-tuned model: FIRST:LAST:STEP or a list").or("0:1:0.1").env(),
		define(&o.search, "search", "find the alpha that validation data would choose with a third of the grid's passes, "+
			"and measure it and the ends alone").env(),
		define(&o.grid, "grid", "`NAME=VALUES` of another parameter of the method, written like --alphas; may be repeated: "+
			"all combinations are measured"),
		define(&o.floor, "floor", "measure probes on the network with random weights, too, of `N` seeds: what the architecture "+
			"alone reaches").shown("none").env(),
		noProveFlag(&o.noProof),
	)
	flags = append(flags, o.plane.flags()...)
	merging := section("Merging:",
		define(&o.recipe, "recipe", "merge as the recipe `FILE` says; --alphas and --grid take the place of its parameters").
			env(),
		define(&o.Fisher, "fisher", "diagonal Fisher information `FILE` of each model, in their order; may be repeated"),
	)
	return slices.Concat(flags, merging, o.mergeOptions.flags(), o.alignOptions.flags(), o.repairOptions.flags(),
		o.measureOptions.flags())
}

func (o *sweepCommand) run(ctx context.Context, c *call) (result, error) {
	models, opt, err := o.options(c)
	if err != nil {
		return nil, err
	}
	m, err := wiseft.Sweep(ctx, models, opt)
	return newMeasured(c, m, err)
}

// options returns the models and the library's options.
func (o *sweepCommand) options(c *call) (models []string, opt wiseft.SweepOptions, err error) {
	models, merge, err := o.job(c, pairArguments)
	if err != nil {
		return nil, opt, err
	}
	merge.BackboneOutput = o.tensor // what follows the measured tensor is the head
	measure, err := o.measureOptions.options(c)
	if err != nil {
		return nil, opt, err
	}
	if merge.Repair, err = o.repairOptions.options(c, &o.dataOptions, measure.Runtime, merge.Repair); err != nil {
		return nil, opt, err
	}
	merge.Align, err = o.alignOptions.options(c, &o.dataOptions, measure.Runtime.Library, o.repairOptions.data,
		merge.Align)
	if err != nil {
		return nil, opt, err
	}
	both := merge.Statistics == "linear,std"
	if both {
		merge.Statistics = ""
	}
	opt = wiseft.SweepOptions{Merge: merge, BothStatistics: both, Search: o.search, Floor: o.floor, NoProof: o.noProof, MeasureOptions: measure}
	if opt.Landscape, err = o.plane.options(c); err != nil {
		return nil, opt, err
	}
	return models, opt, o.readGrid(c, &opt)
}

// readGrid parses --alphas and --grid. A parameter of the grid must not be given by --param, too.
func (o *sweepCommand) readGrid(c *call, opt *wiseft.SweepOptions) (err error) {
	if c.IsSet("alphas") {
		if opt.Alphas, err = parseGrid(o.alphas); err != nil {
			return usagef("--alphas %w", err)
		}
	}
	for _, text := range o.grid {
		name, values, ok := strings.Cut(text, "=")
		if !ok {
			return usagef("--grid %s is not NAME=VALUES", text)
		}
		list, err := parseGrid(values)
		if err != nil {
			return usagef("--grid %s %w", name, err)
		}
		opt.Grid = append(opt.Grid, wiseft.GridAxis{Name: name, Values: list})
	}
	if o.recipe != "" {
		return nil
	}
	for _, axis := range append([]wiseft.GridAxis{{Name: "alpha"}}, opt.Grid...) {
		if _, given := opt.Merge.Params[axis.Name]; given {
			flag := "--grid " + axis.Name
			if axis.Name == "alpha" {
				flag = "--alphas"
			}
			return usagef("--param %s is what the sweep goes over", axis.Name).WithHint("name its values with %s", flag)
		}
	}
	return nil
}
