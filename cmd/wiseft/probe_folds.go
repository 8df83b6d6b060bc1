package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newProbeKFoldCommand() *cli.Command {
	var o probeOptions
	var folds int
	return newCommand(&cli.Command{
		Name:      "k-fold",
		Usage:     "cross-validate a probe: mean and deviation over the folds",
		ArgsUsage: "F.npz [MORE.npz…]",
		Description: "Features of several models must be of the same samples: they meet the same folds, and\n" +
			"are compared fold by fold with the first.\n\n" +
			"Example:\n" +
			"  wiseft probe k-fold train.npz --folds 10",
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "folds", Value: 10, Usage: "folds, stratified by class", EnvVars: []string{"WISEFT_FOLDS"}, Destination: &folds},
		}, o.flags(fitTolText)...),
	}, func(ctx context.Context, c *call) (result, error) {
		files, err := c.several("F.npz")
		if err != nil {
			return nil, err
		}
		opt, err := o.options(c)
		if err != nil {
			return nil, err
		}
		r, err := wiseft.KFold(ctx, files, folds, opt)
		return &foldsReport{"wiseft.probe-k-fold/1", r}, err
	})
}

type foldsReport struct {
	Schema string `json:"schema"`
	*wiseft.FoldsResult
}

func (r *foldsReport) writeText(w io.Writer) error {
	for i, m := range r.Models {
		folds := fmt.Sprintf("folds, seed %d", r.Seed)
		if r.FoldFiles != nil {
			folds = "fold files"
		}
		fmt.Fprintf(w, "%s: accuracy %.4f ± %.4f over %d %s (%s, C %g)\n",
			m.Features+m.Model, m.Mean, float64(m.Std), len(m.Accuracy), folds, r.Solver, r.C)
		if i > 0 {
			fmt.Fprintf(w, "  difference from the first, fold by fold: %+.4f ± %.4f\n", float64(m.MeanDifference), float64(m.StdDifference))
		}
	}
	return nil
}
