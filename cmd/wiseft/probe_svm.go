package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/feature"
)

func newProbeSVMCommand() *cli.Command {
	var o wiseft.SVMOptions
	var doc strings.Builder
	for _, c := range feature.Conventions() {
		fmt.Fprintf(&doc, "%s: %s\n", c.Name, c.Doc)
	}
	return newCommand(&cli.Command{
		Name:      "svm",
		Usage:     "measure features with a linear SVM, as the methods of the field do",
		ArgsUsage: "TRAIN.npz TEST.npz",
		Description: doc.String() +
			"With --tokens, features are pooled so from that many tokens a sample; else they count\n" +
			"as pooled already.\n\n" +
			"Example:\n" +
			"  wiseft probe svm train.npz test.npz --convention recon",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "convention", Value: "point-m2ae", Usage: "point-m2ae, recon or point-mae", EnvVars: []string{"WISEFT_CONVENTION"}, Destination: &o.Convention},
			&cli.IntFlag{Name: "tokens", Usage: "tokens of a sample, the special ones first", DefaultText: "pooled already", EnvVars: []string{"WISEFT_TOKENS"}, Destination: &o.Tokens},
			resamplesFlag(&o.Resamples),
			&cli.Uint64Flag{Name: "seed", Usage: "of the resamples", EnvVars: []string{"WISEFT_SEED"}, Destination: &o.Seed},
		},
	}, func(ctx context.Context, c *call) (result, error) {
		args, err := c.args("TRAIN.npz", "TEST.npz")
		if err != nil {
			return nil, err
		}
		r, err := wiseft.SVM(ctx, args[0], args[1], o)
		return &probeSVMReport{"wiseft.probe-svm/1", r}, err
	})
}

type probeSVMReport struct {
	Schema string `json:"schema"`
	*wiseft.SVMResult
}

func (r *probeSVMReport) writeText(w io.Writer) error {
	fmt.Fprintf(w, "%s (%s, C %g): accuracy %.4f, mean class accuracy %.4f (n = %d)\n",
		r.Convention, r.Fit.Solver, r.Fit.C, r.Accuracy, r.MeanClass, r.N)
	if !r.Fit.Converged {
		fmt.Fprintln(w, "NOT converged")
	}
	if r.Intervals == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "95 %% interval of the accuracy: %.4f to %.4f\n", r.Intervals.OA[0], r.Intervals.OA[1])
	return err
}
