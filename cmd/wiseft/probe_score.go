package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
)

func newProbeScoreCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "score",
		Usage:     "score a probe on features",
		ArgsUsage: "P.npz F.npz",
		Description: "Example:\n" +
			"  wiseft probe score probe.npz test.npz --json",
	}, runProbeScore)
}

type probeScoreReport struct {
	Schema    string       `json:"schema"`
	N         int          `json:"n"`
	Accuracy  bench.Number `json:"accuracy"`
	MeanClass bench.Number `json:"mean_class_accuracy"`
	NLL       bench.Number `json:"nll"`
	ECE       bench.Number `json:"ece"`
	Confusion [][]int      `json:"confusion"` // row = label, column = prediction
	Classes   []string     `json:"classes"`
}

func runProbeScore(_ context.Context, c *call) (result, error) {
	args, err := c.args("P.npz", "F.npz")
	if err != nil {
		return nil, err
	}
	classifier, err := readClassifier(args[0])
	if err != nil {
		return nil, err
	}
	features, err := readFeatures(args[1])
	if err != nil {
		return nil, err
	}
	if classifier.Dim != features.Dim {
		return nil, mismatchError{fmt.Sprintf("%s takes features of %d values, %s has %d", args[0], classifier.Dim, args[1], features.Dim)}
	}
	if a, b := classifier.Meta.Tensor, features.Meta.Tensor; a != "" && b != "" && a != b {
		return nil, mismatchError{fmt.Sprintf("%s was fitted on tensor %q, %s holds tensor %q", args[0], a, args[1], b)}
	}
	score, err := bench.NewScore(classifier, features)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[1], err)
	}
	return &probeScoreReport{"wiseft.probe-score/1", score.N, score.OA, score.MAcc, score.NLL, score.ECE, score.Confusion, classifier.Classes}, nil
}

func (r *probeScoreReport) writeText(w io.Writer) error {
	fmt.Fprintf(w, "accuracy %.4f, mean class accuracy %.4f, NLL %.4f, ECE %.4f (n = %d)\n", r.Accuracy, r.MeanClass, r.NLL, r.ECE, r.N)
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
	return t.Flush()
}
