package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
)

func newBenchCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "bench",
		Usage:     "fit a probe on a model's features and benchmark it under corruption",
		ArgsUsage: "MODEL… --train DATA --test DATA",
		Description: "Example:\n" +
			"  wiseft bench merged.onnx --train modelnet40 --test modelnet40 --points 1024 --suite modelnet-c -o run",
		Flags: measureFlags(),
	}, runBench)
}

// storedModel is a model file as it is.
type storedModel string

// ID implements bench.Variant.
func (m storedModel) ID() string { return string(m) }

// Alpha implements bench.Variant.
func (storedModel) Alpha() (float64, bool) { return 0, false }

// Model implements bench.Variant.
func (m storedModel) Model(ctx context.Context) ([]byte, error) {
	return readModel(ctx, string(m))
}

func runBench(ctx context.Context, c *call) (result, error) {
	paths := c.Args().Slice()
	if len(paths) == 0 {
		return nil, usageError{msg: "missing MODEL", hint: c.usageHint()}
	}
	var plan bench.Plan
	for _, path := range paths {
		m, err := openModel(path)
		if err != nil {
			return nil, err
		}
		tensor, err := featureTensor(m.Model, c.String("output"))
		c.sayFeatures(m.Model, tensor)
		if err := m.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if plan.Tensor != "" && plan.Tensor != tensor {
			return nil, usageError{msg: fmt.Sprintf("%s has its features in %q, %s in %q", paths[0], plan.Tensor, path, tensor),
				hint: "benchmark them one by one"}
		}
		plan.Tensor = tensor
		plan.Variants = append(plan.Variants, storedModel(path))
	}
	return c.measure(ctx, "wiseft.bench/1", plan)
}
