package main

import (
	"context"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newBenchCommand() *cli.Command {
	var o measureOptions
	return newCommand(&cli.Command{
		Name:      "bench",
		Usage:     "fit a probe on a model's features and benchmark it under corruption",
		ArgsUsage: "MODEL… --train DATA --test DATA",
		Description: "Examples:\n" +
			"  wiseft bench merged.onnx --train modelnet40 --test modelnet40 --points 1024 --suite modelnet-c -o run\n" +
			"  wiseft bench classifier.onnx --head own --test modelnet_c",
		Flags: o.flags(),
	}, atLeast("MODEL"), func(ctx context.Context, c *call) (result, error) {
		opt, err := o.options(c)
		if err != nil {
			return nil, err
		}
		m, err := wiseft.Bench(ctx, c.args, opt)
		return newMeasured(c, m, err)
	})
}
