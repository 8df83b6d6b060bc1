package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/report"
)

func newProbeScoreCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "score",
		Usage:     "score a probe on features",
		ArgsUsage: "P.npz F.npz",
		Description: "Example:\n" +
			"  wiseft probe score probe.npz test.npz --json\n" +
			"  wiseft probe score probe.npz test.npz --confusion confusion.png",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "bootstrap", Value: 1000, Usage: "resamples for the 95 % intervals; 0 = no intervals", EnvVars: []string{"WISEFT_BOOTSTRAP"}},
			&cli.Uint64Flag{Name: "seed", Usage: "of the resamples", EnvVars: []string{"WISEFT_SEED"}},
			&cli.StringFlag{Name: "confusion", Usage: "draw the confusion matrix into `FILE` (.png or .svg)"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing picture", EnvVars: []string{"WISEFT_FORCE"}},
		},
	}, runProbeScore)
}

type probeScoreReport struct {
	Schema       string           `json:"schema"`
	N            int              `json:"n"`
	Accuracy     bench.Number     `json:"accuracy"`
	MeanClass    bench.Number     `json:"mean_class_accuracy"`
	NLL          bench.Number     `json:"nll"`
	ECE          bench.Number     `json:"ece"`
	ECEEqualMass bench.Number     `json:"ece_equal_mass"`
	Brier        bench.Number     `json:"brier"`
	Intervals    *bench.Intervals `json:"intervals,omitempty"` // 95 %, of resampled test samples
	Confusion    [][]int          `json:"confusion"`           // row = label, column = prediction
	Classes      []string         `json:"classes"`
}

func runProbeScore(_ context.Context, c *call) (result, error) {
	args, err := c.args("P.npz", "F.npz")
	if err != nil {
		return nil, err
	}
	picture := c.String("confusion")
	if err := checkPicture(picture, c.Bool("force"), args...); err != nil {
		return nil, err
	}
	if c.Int("bootstrap") < 0 {
		return nil, usageError{msg: "--bootstrap must not be negative"}
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
	predictions, err := bench.Predict(classifier, features)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[1], err)
	}
	score := predictions.Score()
	r := &probeScoreReport{
		"wiseft.probe-score/1", score.N, score.OA, score.MAcc, score.NLL, score.ECE,
		score.ECEEqualMass, score.Brier, nil, score.Confusion, classifier.Classes,
	}
	if n := c.Int("bootstrap"); n > 0 {
		r.Intervals = predictions.Intervals(n, c.Uint64("seed"))
	}
	if picture != "" {
		draw := func(w io.Writer) error {
			return report.Confusion(w, strings.TrimPrefix(filepath.Ext(picture), "."), score.Confusion, classifier.Classes)
		}
		if _, _, err := writeOutput(picture, draw); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// checkPicture refuses a picture that cannot be drawn; "" is none.
func checkPicture(path string, force bool, inputs ...string) error {
	if path == "" {
		return nil
	}
	if ext := filepath.Ext(path); ext != ".png" && ext != ".svg" {
		return usageError{msg: fmt.Sprintf("--confusion %s ends in neither .png nor .svg", path)}
	}
	return checkOutput(path, force, inputs...)
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
