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

// probeFitCommand has the options of probe fit.
type probeFitCommand struct {
	probeOptions
	wiseft.FitOptions
	out string
}

func newProbeFitCommand() *cli.Command {
	var o probeFitCommand
	return newCommand(&cli.Command{
		Name:      "fit",
		Usage:     "train a probe on features",
		ArgsUsage: "F.npz -o P.npz",
		Description: "logistic is scikit-learn's multinomial LogisticRegression: it minimises\n" +
			"C * sum of log losses + ||W||^2 / 2, the bias free, and is run to convergence.\n" +
			"wiseft list solvers shows the others. Several values of C are a path: the best by\n" +
			"accuracy on --val or on --folds of the training data is fitted on all of it.\n\n" +
			"Examples:\n" +
			"  wiseft probe fit train.npz -o probe.npz\n" +
			"  wiseft probe fit train.npz -o probe.npz --C 0.01 --standardize\n" +
			"  wiseft probe fit train.npz -o probe.npz --C 1e-3:1e3:7log --folds 5\n" +
			"  wiseft probe fit X.npy --target y.npy -o probe.npz\n" +
			"  wiseft probe fit embeddings.parquet --target category -o probe.npz",
		Flags: slices.Concat(section("",
			outFlag(&o.out, "the probe's `FILE` (NPZ)"),
			define(&o.Val, "val", "features `F.npz` that choose C").env(),
			define(&o.Folds, "folds", "folds of the training data that choose C").shown("5 without --val").env(),
			define(&o.Start, "init", "start from the probe `P.npz`").env(),
			define(&o.HeadOf, "head-init", "start from the classifier of the `MODEL`; "+
				"finetuned = the one that the features are from").env(),
			define(&o.OnDisk, "blockwise", "leave the features on disk, so that they may be larger than memory").env(),
			forceFlag(&o.Force, "replace an existing output"),
		), o.flags(fit.DefaultTol), partFlags(&o.Features)),
	}, exactly("F.npz"), abandonable(o.run))
}

func (o *probeFitCommand) run(ctx context.Context, c *call) (result, error) {
	opt := o.FitOptions
	opt.Features.Monitor = c.monitor()
	var err error
	if opt.Probe, opt.Cs, err = o.pathOptions(); err != nil {
		return nil, err
	}
	return fitted.result(wiseft.Fit(ctx, o.out, c.args[0], opt))
}

var fitted = form[wiseft.FitResult]{"wiseft.probe-fit/1", writeFit}

func writeFit(w io.Writer, r *wiseft.FitResult) error {
	state := "converged"
	if !r.Converged {
		state = "NOT converged"
	}
	for _, p := range r.Path {
		fmt.Fprintf(w, "C %-12.6g held back %.4f\n", p.C, p.Accuracy)
	}
	fmt.Fprintf(w, "%s: %s, C %g, %d x %d, %d classes\n", r.Output, r.Solver, r.C, r.N, r.Dim, r.Classes)
	fmt.Fprintf(w, "%s after %d iterations in %.2f s: objective %.9g, gradient norm %.3g\n",
		state, r.Iterations, r.Seconds, r.Objective, r.GradientNorm)
	_, err := fmt.Fprintf(w, "train accuracy %.4f\n", r.TrainAccuracy)
	return err
}
