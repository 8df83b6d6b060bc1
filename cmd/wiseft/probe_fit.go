package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
)

func newProbeFitCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "fit",
		Usage:     "train a linear probe on features",
		ArgsUsage: "F.npz -o P.npz",
		Description: "logistic is scikit-learn's multinomial LogisticRegression: it minimises\n" +
			"C * sum of log losses + ||W||^2 / 2, the bias free, and is run to convergence.\n\n" +
			"Examples:\n" +
			"  wiseft probe fit train.npz -o probe.npz\n" +
			"  wiseft probe fit train.npz -o probe.npz --C 0.01 --standardize",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the probe's `FILE` (NPZ)"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing output", EnvVars: []string{"WISEFT_FORCE"}},
		}, fitFlags()...),
	}, runProbeFit)
}

type probeFitReport struct {
	Schema string `json:"schema"`
	Output string `json:"output"`
	probe.FitReport
}

func runProbeFit(ctx context.Context, c *call) (result, error) {
	args, err := c.args("F.npz")
	if err != nil {
		return nil, err
	}
	out := c.String("out")
	if err := checkOutput(out, c.Bool("force"), args[0]); err != nil {
		return nil, err
	}
	opt, err := c.fitOptions()
	if err != nil {
		return nil, err
	}
	features, err := readFeatures(args[0])
	if err != nil {
		return nil, err
	}
	classifier, report, err := probe.Fit(ctx, features, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	if _, _, err := writeOutput(out, classifier.Write); err != nil {
		return nil, err
	}
	return &probeFitReport{"wiseft.probe-fit/1", out, report}, nil
}

func (r *probeFitReport) writeText(w io.Writer) error {
	state := "converged"
	if !r.Converged {
		state = "NOT converged"
	}
	_, err := fmt.Fprintf(w, "%s: %s, C %g, %d x %d, %d classes\n%s after %d iterations in %.2f s: objective %.9g, gradient norm %.3g\ntrain accuracy %.4f\n",
		r.Output, r.Solver, r.C, r.N, r.Dim, r.Classes, state, r.Iterations, r.Seconds, r.Objective, r.GradientNorm, r.TrainAccuracy)
	return err
}
