package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench"
	"gonum.org/v1/gonum/stat"
)

func newProbeKFoldCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "k-fold",
		Usage:     "cross-validate a probe: mean and deviation over the folds",
		ArgsUsage: "F.npz [MORE.npz…]",
		Description: "Features of several models must be of the same samples: they meet the same folds, and\n" +
			"are compared fold by fold with the first.\n\n" +
			"Example:\n" +
			"  wiseft probe k-fold train.npz --folds 10",
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "folds", Value: 10, Usage: "folds, stratified by class", EnvVars: []string{"WISEFT_FOLDS"}},
		}, fitFlags()...),
	}, func(ctx context.Context, c *call) (result, error) {
		return c.runFolds(ctx, "wiseft.probe-k-fold/1", func(f *probe.Features, seed uint64) ([]probe.Episode, error) {
			k := c.Int("folds")
			if k < 2 || k > f.Len() {
				return nil, usageError{msg: fmt.Sprintf("--folds %d is not within 2 and the %d samples", k, f.Len())}
			}
			episodes := make([]probe.Episode, k)
			for i, fold := range probe.Folds(f.Y, k, seed) {
				for e := range episodes {
					if e == fold {
						episodes[e].Test = append(episodes[e].Test, i)
					} else {
						episodes[e].Train = append(episodes[e].Train, i)
					}
				}
			}
			return episodes, nil
		})
	})
}

// foldsReport holds one entry for every file of features.
type foldsReport struct {
	Schema    string    `json:"schema"`
	Solver    string    `json:"solver"`
	C         float64   `json:"C"`
	Seed      uint64    `json:"seed"`
	FoldFiles []string  `json:"fold_files,omitempty"` // instead of seeded folds
	Models    []foldsOf `json:"models"`
}

type foldsOf struct {
	Features string       `json:"features,omitempty"` // the file, or
	Model    string       `json:"model,omitempty"`    // the model that ran on fold files
	Accuracy []float64    `json:"accuracy"`           // of every fold
	Mean     float64      `json:"mean"`
	Std      bench.Number `json:"std"` // with n - 1; null for one fold
	// Of the differences from the first model, fold by fold; null for the first.
	MeanDifference bench.Number `json:"mean_difference"`
	StdDifference  bench.Number `json:"std_difference"`
}

func (c *call) runFolds(
	ctx context.Context, schema string, draw func(f *probe.Features, seed uint64) ([]probe.Episode, error),
) (result, error) {
	paths := c.Args().Slice()
	if len(paths) == 0 {
		return nil, usageError{msg: "missing F.npz", hint: c.usageHint()}
	}
	opt, err := c.fitOptions()
	if err != nil {
		return nil, err
	}
	r := &foldsReport{Schema: schema, Solver: opt.Solver, C: opt.C, Seed: opt.Seed}
	var episodes []probe.Episode
	var first *probe.Features
	for i, path := range paths {
		f, err := readFeatures(path)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = f
			if episodes, err = draw(f, opt.Seed); err != nil {
				return nil, err
			}
		}
		a, b := first.Meta.DataHash, f.Meta.DataHash
		if !slices.Equal(f.Y, first.Y) || a != "" && b != "" && a != b {
			return nil, mismatchError{fmt.Sprintf("%s and %s are not features of the same samples", paths[0], path)}
		}
		of, err := measureFolds(ctx, f, episodes, opt)
		if err != nil {
			return nil, nameInput(path, err)
		}
		of.Features = path
		r.Models = append(r.Models, *of)
		r.Models[i].compare(&r.Models[0])
	}
	return r, nil
}

func measureFolds(ctx context.Context, f *probe.Features, episodes []probe.Episode, opt probe.FitOptions) (*foldsOf, error) {
	of := &foldsOf{}
	for i, e := range episodes {
		why := fmt.Sprintf("fold %d of %d", i+1, len(episodes))
		if err := of.add(ctx, f.Subset(e.Train, "fitted on "+why), f.Subset(e.Test, "tested on "+why), opt); err != nil {
			return nil, err
		}
	}
	of.summarize()
	return of, nil
}

// add measures one more fold.
func (f *foldsOf) add(ctx context.Context, train, test *probe.Features, opt probe.FitOptions) error {
	cl, _, err := probe.Fit(ctx, train, opt)
	if err != nil {
		return err
	}
	score, err := bench.NewScore(cl, test)
	if err != nil {
		return err
	}
	f.Accuracy = append(f.Accuracy, float64(score.OA))
	return nil
}

// summarize sets mean and deviation, once all folds are there.
func (f *foldsOf) summarize() {
	mean, std := stat.MeanStdDev(f.Accuracy, nil)
	f.Mean, f.Std = mean, bench.Number(std)
}

// compare sets the differences from the first model.
func (f *foldsOf) compare(first *foldsOf) {
	f.MeanDifference, f.StdDifference = bench.Number(math.NaN()), bench.Number(math.NaN())
	if f == first {
		return
	}
	differences := make([]float64, len(f.Accuracy))
	for i, a := range f.Accuracy {
		differences[i] = a - first.Accuracy[i]
	}
	mean, std := stat.MeanStdDev(differences, nil)
	f.MeanDifference, f.StdDifference = bench.Number(mean), bench.Number(std)
}

func (r *foldsReport) writeText(w io.Writer) error {
	for i, m := range r.Models {
		folds := fmt.Sprintf("folds, seed %d", r.Seed)
		if r.FoldFiles != nil {
			folds = "fold files"
		}
		fmt.Fprintf(w, "%s: accuracy %.4f ± %.4f over %d %s (%s, C %g)\n",
			m.Features+m.Model, m.Mean, float64(m.Std), len(m.Accuracy), folds, r.Solver, r.C)
		if i > 0 {
			fmt.Fprintf(w, "  difference from the first, fold by fold: %+.4f ± %.4f\n", float64(m.MeanDifference), float64(m.StdDifference))
		}
	}
	return nil
}
