package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
)

func newBenchCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "bench",
		Usage:     "fit a probe on a model's features and benchmark it under corruption",
		ArgsUsage: "MODEL… --train DATA --test DATA",
		Description: "Examples:\n" +
			"  wiseft bench merged.onnx --train modelnet40 --test modelnet40 --points 1024 --suite modelnet-c -o run\n" +
			"  wiseft bench classifier.onnx --head own --test modelnet_c",
		Flags: measureFlags(),
	}, runBench)
}

// storedModel is a model file as it is.
type storedModel string

// ID implements bench.Variant.
func (m storedModel) ID() string { return string(m) }

// Params implements bench.Variant.
func (storedModel) Params() []bench.Param { return nil }

// Key implements bench.Variant.
func (m storedModel) Key(ctx context.Context) (string, error) {
	model, err := openModel(string(m))
	if err != nil {
		return "", err
	}
	defer model.Close()
	files, err := model.Files(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m, err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.Name, f.Hash)
	}
	return sha256Hex([]byte(strings.Join(all, "\n"))), nil
}

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
		tensor, err := c.measuredTensor(m.Model, consumedBy(m.Model))
		if err := m.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if plan.Tensor != "" && plan.Tensor != tensor {
			return nil, usageError{msg: fmt.Sprintf("%s has the tensor %q, %s has %q", paths[0], plan.Tensor, path, tensor),
				hint: "benchmark them one by one"}
		}
		plan.Tensor = tensor
		plan.Variants = append(plan.Variants, storedModel(path))
	}
	return c.measure(ctx, "wiseft.bench/1", plan)
}
