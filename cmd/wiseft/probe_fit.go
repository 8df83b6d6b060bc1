package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// probeFitCommand is the options of probe fit.
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
			"  wiseft probe fit train.npz -o probe.npz --C 1e-3:1e3:7log --folds 5",
		Flags: append([]cli.Flag{
			outFlag(&o.out, "the probe's `FILE` (NPZ)"),
			&cli.StringFlag{Name: "val", Usage: "features `F.npz` that choose C", EnvVars: []string{"WISEFT_VAL"}, Destination: &o.Val},
			&cli.IntFlag{Name: "folds", Usage: "folds of the training data that choose C", DefaultText: "5 without --val", EnvVars: []string{"WISEFT_FOLDS"}, Destination: &o.Folds},
			&cli.StringFlag{Name: "init", Usage: "start from the probe `P.npz`", EnvVars: []string{"WISEFT_INIT"}, Destination: &o.Start},
			&cli.StringFlag{Name: "head-init", Usage: "start from the classifier of the `MODEL`; finetuned = the one that the features are from", EnvVars: []string{"WISEFT_HEAD_INIT"}, Destination: &o.HeadOf},
			&cli.BoolFlag{Name: "blockwise", Usage: "leave the features on disk, so that they may be larger than memory", EnvVars: []string{"WISEFT_BLOCKWISE"}, Destination: &o.OnDisk},
			forceFlag(&o.Force, "replace an existing output"),
		}, o.flags(fitTolText)...),
	}, o.run)
}

func (o *probeFitCommand) run(ctx context.Context, c *call) (result, error) {
	args, err := c.args("F.npz")
	if err != nil {
		return nil, err
	}
	opt := o.FitOptions
	if opt.Probe, opt.Cs, err = o.pathOptions(c); err != nil {
		return nil, err
	}
	r, err := wiseft.Fit(ctx, o.out, args[0], opt)
	return &probeFitReport{"wiseft.probe-fit/1", r}, err
}

type probeFitReport struct {
	Schema string `json:"schema"`
	*wiseft.FitResult
}

func (r *probeFitReport) writeText(w io.Writer) error {
	state := "converged"
	if !r.Converged {
		state = "NOT converged"
	}
	for _, p := range r.Path {
		fmt.Fprintf(w, "C %-12.6g held back %.4f\n", p.C, p.Accuracy)
	}
	_, err := fmt.Fprintf(w, "%s: %s, C %g, %d x %d, %d classes\n%s after %d iterations in %.2f s: objective %.9g, gradient norm %.3g\ntrain accuracy %.4f\n",
		r.Output, r.Solver, r.C, r.N, r.Dim, r.Classes, state, r.Iterations, r.Seconds, r.Objective, r.GradientNorm, r.TrainAccuracy)
	return err
}
