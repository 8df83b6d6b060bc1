package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/store"
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
	}, runCollect)
}

func runCollect(ctx context.Context, c *call) (result, error) {
	folders := c.Args().Slice()
	if len(folders) == 0 {
		_, err := c.args("RUN")
		return nil, err
	}
	run, err := openCollected(folders)
	if err != nil {
		return nil, err
	}
	defer run.close()
	for _, from := range folders[1:] {
		units, err := bench.Gather(run.Folder, from)
		if is[*bench.PlanError](err) {
			return nil, mismatchError{fmt.Sprintf("%s and %s hold runs of different plans", folders[0], from)}
		}
		if err != nil {
			return nil, err
		}
		c.say(fmt.Sprintf("%s: %s came", from, count(units, "unit")))
	}
	bar := c.newProgress("collecting", "clouds")
	out, err := bench.Collect(ctx, run.Folder, func(p bench.Progress) { bar.describe(p.What) })
	bar.end()
	if err != nil {
		return nil, err
	}
	for _, event := range out.Events {
		c.say(event)
	}
	if out.Result == nil {
		return nil, fmt.Errorf("%s: %s still to be done: run what makes them, or the same command without --shard to do them here",
			folders[0], count(out.Missing, "unit"))
	}
	return measured{out}, run.write(out.Result)
}

// openCollected opens the folder that others are put into, the first of the list. It may be
// new if there are others.
func openCollected(folders []string) (*runFolder, error) {
	for i, dir := range folders {
		_, err := bench.ReadSpec(dir)
		if errors.Is(err, fs.ErrNotExist) && (i > 0 || len(folders) == 1) {
			return nil, inputError{msg: dir + ": there is no run here"}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, inputError{msg: err.Error()}
		}
	}
	folder, err := store.Open(folders[0], workerName(bench.Share{}))
	return &runFolder{Folder: folder}, err
}
