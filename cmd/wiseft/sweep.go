package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench"
)

func newSweepCommand() *cli.Command {
	flags := append([]cli.Flag{
		&cli.StringFlag{Name: "alphas", Value: "0:1:0.1", Usage: "shares of the fine-tuned model: FIRST:LAST:STEP or a list", EnvVars: []string{"WISEFT_ALPHAS"}},
	}, mergeFlags()...)
	return newCommand(&cli.Command{
		Name:      "sweep",
		Usage:     "merge, probe and benchmark over a grid of alpha (WiSE-FT-LP in one command)",
		ArgsUsage: "PRETRAINED FINETUNED --train DATA --test DATA",
		Description: "For every alpha the models are merged in memory, a probe is fitted on features of the\n" +
			"clean training data, and scored on the test data, clean and corrupted. Alpha is chosen\n" +
			"on validation data; test data decides nothing.\n\n" +
			"Example:\n" +
			"  wiseft sweep pretrained.onnx finetuned.onnx --train modelnet40 --test modelnet40 --points 1024 -o run",
		Flags: append(flags, measureFlags()...),
	}, runSweep)
}

func runSweep(ctx context.Context, c *call) (result, error) {
	paths, err := c.args("PRETRAINED", "FINETUNED")
	if err != nil {
		return nil, err
	}
	alphas, err := parseGrid(c.String("alphas"))
	if err != nil {
		return nil, usageError{msg: "--alphas " + err.Error()}
	}
	opt, err := c.mergeOptions()
	if err != nil {
		return nil, err
	}
	a, b, err := openPair(paths[0], paths[1])
	if err != nil {
		return nil, err
	}
	defer a.Close()
	defer b.Close()
	var plan bench.Plan
	var backbone onnxmerge.Backbone
	if plan.Variants, backbone, err = c.mixes(ctx, a.Model, b.Model, alphas, opt); err != nil {
		return nil, namePair(err, paths)
	}
	if plan.Tensor, err = featuresBehind(b.Model, c.String("output"), backbone.Output); err != nil {
		return nil, fmt.Errorf("%s: %w", paths[1], err)
	}
	c.sayFeatures(b.Model, plan.Tensor)
	return c.measure(ctx, "wiseft.sweep/1", plan)
}

// mix is a merge at one alpha, made in memory when it is needed.
type mix struct {
	alpha float64
	plan  *onnxmerge.Plan
	size  int64
	say   func(string) // for what the user should know of the merge
}

// mixes plans a merge for every alpha. The models are paired once.
func (c *call) mixes(ctx context.Context, pretrained, finetuned *graph.Model, alphas []float64, opt onnxmerge.Options) (
	list []bench.Variant, backbone onnxmerge.Backbone, err error) {
	if _, given := opt.Params["alpha"]; given {
		return nil, backbone, usageError{msg: "--param alpha is what the sweep goes over", hint: "name its values with --alphas"}
	}
	var plan *onnxmerge.Plan
	for _, alpha := range alphas {
		params := method.Params{"alpha": alpha}
		maps.Copy(params, opt.Params)
		if plan == nil {
			at := opt
			at.Params = params
			plan, err = onnxmerge.NewPlan(ctx, pretrained, finetuned, at)
		} else {
			plan, err = plan.With(params)
		}
		if err != nil {
			return nil, backbone, err
		}
		backbone = plan.Backbone // it does not depend on alpha
		list = append(list, mix{alpha, plan, finetuned.SizeBytes(), c.say})
	}
	return list, backbone, nil
}

// ID implements bench.Variant.
func (m mix) ID() string { return "alpha=" + strconv.FormatFloat(m.alpha, 'g', -1, 64) }

// Alpha implements bench.Variant.
func (m mix) Alpha() (float64, bool) { return m.alpha, true }

// Model implements bench.Variant.
func (m mix) Model(ctx context.Context) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(m.size))
	made, err := m.plan.Run(ctx, &out, nil)
	if err != nil {
		return nil, err
	}
	for _, clamped := range made.Clamped {
		m.say(m.ID() + ": " + describeClamped(clamped))
	}
	return out.Bytes(), nil
}
