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
		Flags: []cli.Flag{
			resamplesFlag(&o.Resamples),
			&cli.Uint64Flag{Name: "seed", Usage: "of the resamples", EnvVars: []string{"WISEFT_SEED"}, Destination: &o.Seed},
			&cli.StringFlag{Name: "confusion", Usage: "draw the confusion matrix into `FILE` (.png or .svg)", Destination: &o.Picture},
			forceFlag(&o.Force, "replace an existing picture"),
		},
	}, func(_ context.Context, c *call) (result, error) {
		args, err := c.args("P.npz", "F.npz")
		if err != nil {
			return nil, err
		}
		if o.Resamples < 0 {
			return nil, usagef("--bootstrap must not be negative")
		}
		r, err := wiseft.Score(args[0], args[1], o)
		return &probeScoreReport{"wiseft.probe-score/1", r}, err
	})
}

func resamplesFlag(dst *int) cli.Flag {
	return &cli.IntFlag{Name: "bootstrap", Value: 1000, Usage: "resamples for the 95 % intervals; 0 = no intervals", EnvVars: []string{"WISEFT_BOOTSTRAP"}, Destination: dst}
}

type probeScoreReport struct {
	Schema string `json:"schema"`
	*wiseft.ScoreResult
}

func (r *probeScoreReport) writeText(w io.Writer) error {
	fmt.Fprintf(w, "accuracy %.4f, mean class accuracy %.4f, NLL %.4f, ECE %.4f (n = %d)\n", r.Accuracy, r.MeanClass, r.NLL, r.ECE, r.N)
	fmt.Fprintf(w, "ECE of equal mass %.4f, Brier %.4f\n", r.ECEEqualMass, r.Brier)
	if i := r.Intervals; i != nil {
		fmt.Fprintf(w, "95 %% intervals: accuracy %.4f to %.4f, mean class accuracy %.4f to %.4f, NLL %.4f to %.4f, ECE %.4f to %.4f, "+
			"ECE of equal mass %.4f to %.4f, Brier %.4f to %.4f\n", i.OA[0], i.OA[1], i.MAcc[0], i.MAcc[1], i.NLL[0], i.NLL[1],
			i.ECE[0], i.ECE[1], i.ECEEqualMass[0], i.ECEEqualMass[1], i.Brier[0], i.Brier[1])
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
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
	return r.writeConfusion(w)
}

// writeConfusion writes the matrix with the classes' numbers as heads of the columns.
func (r *probeScoreReport) writeConfusion(w io.Writer) error {
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
