package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench"
)

func newProbeSVMCommand() *cli.Command {
	var doc strings.Builder
	for _, c := range probe.SVMConventions {
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
			&cli.StringFlag{Name: "convention", Value: "point-m2ae", Usage: "point-m2ae, recon or point-mae", EnvVars: []string{"WISEFT_CONVENTION"}},
			&cli.IntFlag{Name: "tokens", Usage: "tokens of a sample, the special ones first", DefaultText: "pooled already", EnvVars: []string{"WISEFT_TOKENS"}},
			&cli.IntFlag{Name: "bootstrap", Value: 1000, Usage: "resamples for the 95 % intervals; 0 = no intervals", EnvVars: []string{"WISEFT_BOOTSTRAP"}},
			&cli.Uint64Flag{Name: "seed", Usage: "of the resamples", EnvVars: []string{"WISEFT_SEED"}},
		},
	}, runProbeSVM)
}

type probeSVMReport struct {
	Schema     string           `json:"schema"`
	Convention string           `json:"convention"`
	Source     string           `json:"source"`
	Tokens     int              `json:"tokens,omitempty"` // that the features were pooled from
	Accuracy   bench.Number     `json:"accuracy"`
	MeanClass  bench.Number     `json:"mean_class_accuracy"`
	N          int              `json:"n"`
	Intervals  *bench.Intervals `json:"intervals,omitempty"`
	Fit        probe.FitReport  `json:"fit"`
}

func runProbeSVM(ctx context.Context, c *call) (result, error) {
	args, err := c.args("TRAIN.npz", "TEST.npz")
	if err != nil {
		return nil, err
	}
	convention, ok := probe.LookupSVMConvention(c.String("convention"))
	if !ok {
		return nil, usageError{msg: "there is no convention " + c.String("convention"), hint: "there are point-m2ae, recon and point-mae"}
	}
	if c.Int("tokens") < 0 || c.Int("bootstrap") < 0 {
		return nil, usageError{msg: "--tokens and --bootstrap must not be negative"}
	}
	var sets [2]*probe.Features
	for i, path := range args {
		if sets[i], err = readFeatures(path); err != nil {
			return nil, err
		}
		if tokens := c.Int("tokens"); tokens > 0 {
			if sets[i], err = convention.Pool(sets[i], tokens); err != nil {
				return nil, nameInput(path, err)
			}
		}
	}
	if sets[0].Dim != sets[1].Dim {
		return nil, mismatchError{fmt.Sprintf("%s has features of %d values, %s of %d", args[0], sets[0].Dim, args[1], sets[1].Dim)}
	}
	classifier, report, err := probe.Fit(ctx, sets[0], probe.FitOptions{Solver: convention.Solver, C: convention.C})
	if err != nil {
		return nil, nameInput(args[0], err)
	}
	predictions, err := bench.Predict(classifier, sets[1])
	if err != nil {
		return nil, nameInput(args[1], err)
	}
	score := predictions.Score()
	r := &probeSVMReport{
		Schema: "wiseft.probe-svm/1", Convention: convention.Name, Source: convention.Source, Tokens: c.Int("tokens"),
		Accuracy: score.OA, MeanClass: score.MAcc, N: score.N, Fit: report,
	}
	if n := c.Int("bootstrap"); n > 0 {
		r.Intervals = predictions.Intervals(n, c.Uint64("seed"))
	}
	return r, nil
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
