package main

import (
	"context"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newCollectCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "collect",
		Usage:     "put the shares of a sweep or benchmark together and make its result",
		ArgsUsage: "RUN [FOLDER…]",
		Description: "Probes and scores that no worker could make are made here; models and data are not\n" +
			"needed. Folders of workers that shared none are copied into RUN first.\n\n" +
			"Examples:\n" +
			"  wiseft collect run\n" +
			"  wiseft collect run worker1/run worker2/run worker3/run",
	}, atLeast("RUN"), func(ctx context.Context, c *call) (result, error) {
		m, err := wiseft.Collect(ctx, c.args[0], c.args[1:], c.monitor())
		return newMeasured(c, m, err)
	})
}
