package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/fit"
)

func newProbeKFoldCommand() *cli.Command {
	var o probeOptions
	var features wiseft.FeatureOptions
	var folds int
	return newCommand(&cli.Command{
		Name:      "k-fold",
		Usage:     "cross-validate a probe: mean and deviation over the folds",
		ArgsUsage: "F.npz [MORE.npz…]",
		Description: "Features of several models must be of the same samples: they meet the same folds, and\n" +
			"are compared fold by fold with the first.\n\n" +
			"Example:\n" +
			"  wiseft probe k-fold train.npz --folds 10",
		Flags: slices.Concat(section("",
			define(&folds, "folds", "folds, stratified by class").or(10).env(),
		), o.flags(fit.DefaultTol), partFlags(&features)),
	}, atLeast("F.npz"), func(ctx context.Context, c *call) (result, error) {
		features.Monitor = c.monitor()
		opt, err := o.options()
		if err != nil {
			return nil, err
		}
		return kFold.result(wiseft.KFold(ctx, c.args, folds, wiseft.FoldsOptions{Probe: opt, Features: features}))
	})
}

var kFold = form[wiseft.FoldsResult]{"wiseft.probe-k-fold/1", writeFolds}

func writeFolds(w io.Writer, r *wiseft.FoldsResult) error {
	for i, m := range r.Models {
		folds := fmt.Sprintf("folds, seed %d", r.Seed)
		if r.FoldFiles != nil {
			folds = "fold files"
		}
		fmt.Fprintf(w, "%s: accuracy %.4f ± %.4f over %d %s (%s, C %g)\n",
			m.Features+m.Model, m.Mean, float64(m.Std), len(m.Accuracy), folds, r.Solver, r.C)
		if i > 0 {
			fmt.Fprintf(w, "  difference from the first, fold by fold: %+.4f ± %.4f\n",
				float64(m.MeanDifference), float64(m.StdDifference))
		}
	}
	return nil
}
