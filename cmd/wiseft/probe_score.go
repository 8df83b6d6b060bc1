package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newProbeScoreCommand() *cli.Command {
	var o wiseft.ScoreOptions
	return newCommand(&cli.Command{
		Name:      "score",
		Usage:     "score a probe on features",
		ArgsUsage: "P.npz F.npz",
		Description: "Example:\n" +
			"  wiseft probe score probe.npz test.npz --json\n" +
			"  wiseft probe score probe.npz test.npz --confusion confusion.png",
		Flags: append(section("",
			resamplesFlag(&o.Resamples),
			define(&o.Seed, "seed", "of the resamples").env(),
			define(&o.Picture, "confusion", "draw the confusion matrix into `FILE` (.png or .svg)"),
			forceFlag(&o.Force, "replace an existing picture"),
		), partFlags(&o.Features)...),
	}, exactly("P.npz", "F.npz"), abandonable(func(_ context.Context, c *call) (result, error) {
		o.Features.Monitor = c.monitor()
		if o.Resamples < 0 {
			return nil, usagef("--bootstrap must not be negative")
		}
		return scores.result(wiseft.Score(c.args[0], c.args[1], o))
	}))
}

func resamplesFlag(dst *int) definition {
	return define(dst, "bootstrap", "resamples for the 95 % intervals; 0 = no intervals").or(1000).env()
}

var scores = form[wiseft.ScoreResult]{"wiseft.probe-score/1", writeScores}

func writeScores(w io.Writer, r *wiseft.ScoreResult) error {
	fmt.Fprintf(w, "accuracy %.4f, mean class accuracy %.4f, NLL %.4f, ECE %.4f (n = %d)\n",
		r.Accuracy, r.MeanClass, r.NLL, r.ECE, r.N)
	fmt.Fprintf(w, "ECE of equal mass %.4f, Brier %.4f\n", r.ECEEqualMass, r.Brier)
	if i := r.Intervals; i != nil {
		fmt.Fprintf(w, "95 %% intervals: accuracy %.4f to %.4f, mean class accuracy %.4f to %.4f, ",
			i.OA[0], i.OA[1], i.MAcc[0], i.MAcc[1])
		fmt.Fprintf(w, "NLL %.4f to %.4f, ECE %.4f to %.4f, ", i.NLL[0], i.NLL[1], i.ECE[0], i.ECE[1])
		fmt.Fprintf(w, "ECE of equal mass %.4f to %.4f, Brier %.4f to %.4f\n",
			i.ECEEqualMass[0], i.ECEEqualMass[1], i.Brier[0], i.Brier[1])
	}
	t := newTable(w)
	fmt.Fprintln(t, "class\tn\taccuracy\t")
	for class, row := range r.Confusion {
		n := 0
		for _, count := range row {
			n += count
		}
		name := fmt.Sprint(class)
		if class < len(r.Classes) && r.Classes[class] != "" {
			name = r.Classes[class]
		}
		if n > 0 {
			fmt.Fprintf(t, "%s\t%d\t%.4f\t\n", name, n, float64(row[class])/float64(n))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return writeConfusion(w, r)
}

// writeConfusion writes the matrix with the numbers of the classes as column heads.
func writeConfusion(w io.Writer, r *wiseft.ScoreResult) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight)
	head := "label \\ prediction\t"
	for class := range r.Confusion {
		head += fmt.Sprintf("%d\t", class)
	}
	fmt.Fprintln(t, head)
	for class, row := range r.Confusion {
		fmt.Fprintf(t, "%d %s\t", class, r.Classes[class])
		for _, n := range row {
			fmt.Fprintf(t, "%d\t", n)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
