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
		Flags: append(section("",
			define(&o.Convention, "convention", "point-m2ae, recon or point-mae").or("point-m2ae").env(),
			define(&o.Tokens, "tokens", "tokens of a sample, the special ones first").shown("pooled already").env(),
			resamplesFlag(&o.Resamples),
			define(&o.Seed, "seed", "of the resamples").env(),
		), partFlags(&o.Features)...),
	}, exactly("TRAIN.npz", "TEST.npz"), func(ctx context.Context, c *call) (result, error) {
		o.Features.Monitor = c.monitor()
		return svm.result(wiseft.SVM(ctx, c.args[0], c.args[1], o))
	})
}

var svm = form[wiseft.SVMResult]{"wiseft.probe-svm/1", writeSVM}

func writeSVM(w io.Writer, r *wiseft.SVMResult) error {
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
