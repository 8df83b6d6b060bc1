package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench"
)

func newSweepCommand() *cli.Command {
	flags := append([]cli.Flag{
		&cli.StringFlag{Name: "alphas", Value: defaultAlphas, Usage: "shares of the fine-tuned model: FIRST:LAST:STEP or a list", EnvVars: []string{"WISEFT_ALPHAS"}},
		&cli.BoolFlag{Name: "search", Usage: "find the alpha that validation data would choose with a third of the grid's passes, and measure it and the ends alone", EnvVars: []string{"WISEFT_SEARCH"}},
		&cli.StringSliceFlag{Name: "grid", Usage: "`NAME=VALUES` of another parameter of the method, written like --alphas; may be repeated: all combinations are measured"},
		&cli.StringFlag{Name: "recipe", Usage: "merge as the recipe `FILE` says; --alphas and --grid take the place of its parameters", EnvVars: []string{"WISEFT_RECIPE"}, Category: "Merging:"},
		&cli.StringSliceFlag{Name: "fisher", Usage: "diagonal Fisher information `FILE` of each model, in their order; may be repeated", Category: "Merging:"},
	}, mergeFlags()...)
	return newCommand(&cli.Command{
		Name:      "sweep",
		Usage:     "merge, probe and benchmark over a grid of alpha (WiSE-FT-LP in one command)",
		ArgsUsage: "PRETRAINED [MODEL…] FINETUNED --train DATA --test DATA",
		Description: "For every alpha the models are merged in memory, a probe is fitted on features of the\n" +
			"clean training data, and scored on the test data, clean and corrupted. Alpha is chosen\n" +
			"on validation data; test data decides nothing.\n\n" +
			"What was computed stays in the folder RUN: the same command goes on where it was\n" +
			"stopped, and more alphas cost only themselves. Many machines share a sweep with --shard.\n\n" +
			"Examples:\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train modelnet40 --test modelnet40 --points 1024 -o run\n" +
			"  wiseft sweep base.onnx a.onnx b.onnx --method ties --grid density=0.1:0.9:0.2 --train d --test d -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --alphas 0:1:0.05 --search --train d --test d -o run\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train d --test d -o run --shard 3/8",
		Flags: append(flags, measureFlags()...),
	}, runSweep)
}

func runSweep(ctx context.Context, c *call) (result, error) {
	if extra := c.Args().Slice(); len(extra) == 1 && c.String("recipe") == "" {
		_, err := c.args("PRETRAINED", "FINETUNED")
		return nil, err
	}
	job, err := c.mergeJob()
	if err != nil {
		return nil, err
	}
	points, err := c.gridPoints(job.opt)
	if err != nil {
		return nil, err
	}
	models, err := job.open()
	if err != nil {
		return nil, err
	}
	defer models.Close()
	var plan bench.Plan
	size := models[len(job.models)-1].SizeBytes()
	mixes, backbone, err := c.mixes(points, job.opt.Params, size, func(params method.Params) (*onnxmerge.Plan, error) {
		job.opt.Params = params
		return job.plan(ctx, models)
	})
	if err != nil {
		return nil, namePair(err, job.models)
	}
	plan.Variants = mixes
	last := len(job.models) - 1
	if plan.Tensor, err = c.measuredTensor(models[last].Model, backbone.Output); err != nil {
		return nil, fmt.Errorf("%s: %w", job.models[last], err)
	}
	return c.measure(ctx, "wiseft.sweep/1", plan)
}

// mix is a merge with its own parameters, made in memory when it is needed.
type mix struct {
	params []bench.Param
	all    method.Params   // with those that all mixes share
	base   *onnxmerge.Plan // of the same merge, with other parameters
	size   int64
	say    func(string) // for what the user should know of the merge
}

// plan plans the merge. A thousand mixes would hold a thousand plans, if they kept them.
func (m mix) plan() (*onnxmerge.Plan, error) { return m.base.With(m.all) }

// mixes plans a merge for every point of the grid, with the parameters given beside it.
// newPlan makes the first plan; the models are paired once.
func (c *call) mixes(points [][]bench.Param, given method.Params, size int64, newPlan func(method.Params) (*onnxmerge.Plan, error)) (
	list []bench.Variant, backbone onnxmerge.Backbone, err error) {
	var base *onnxmerge.Plan
	for _, point := range points {
		params := method.Params{}
		maps.Copy(params, given)
		for _, p := range point {
			params[p.Name] = p.Value
		}
		if base == nil {
			base, err = newPlan(params)
		} else {
			_, err = base.With(params) // what cannot be is said before anything runs
		}
		if err != nil {
			return nil, backbone, err
		}
		backbone = base.Backbone // it does not depend on parameters
		list = append(list, mix{point, params, base, size, c.say})
	}
	for _, warning := range base.Warnings {
		c.say(warning)
	}
	return list, backbone, nil
}

// ID implements bench.Variant.
func (m mix) ID() string {
	var parts []string
	for _, p := range m.params {
		parts = append(parts, p.Name+"="+strconv.FormatFloat(p.Value, 'g', -1, 64))
	}
	return strings.Join(parts, " ")
}

// Params implements bench.Variant.
func (m mix) Params() []bench.Param { return m.params }

// Key implements bench.Variant.
func (m mix) Key(ctx context.Context) (string, error) {
	plan, err := m.plan()
	if err != nil {
		return "", err
	}
	return plan.Key(ctx)
}

// provenanceRoom is more than what a merge says of itself in the model's metadata, in bytes.
// A buffer that is a byte too small takes two more of its size while it grows.
const provenanceRoom = 64 << 10

// Model implements bench.Variant.
func (m mix) Model(ctx context.Context) ([]byte, error) {
	plan, err := m.plan()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(int(m.size) + provenanceRoom)
	made, err := plan.Run(ctx, &out, nil)
	if err != nil {
		return nil, err
	}
	for _, clamped := range made.Clamped {
		m.say(m.ID() + ": " + describeClamped(clamped))
	}
	return out.Bytes(), nil
}
