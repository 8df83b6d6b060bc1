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
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the probe's `FILE` (NPZ)"},
			&cli.StringFlag{Name: "val", Usage: "features `F.npz` that choose C", EnvVars: []string{"WISEFT_VAL"}},
			&cli.IntFlag{Name: "folds", Usage: "folds of the training data that choose C", DefaultText: "5 without --val", EnvVars: []string{"WISEFT_FOLDS"}},
			&cli.StringFlag{Name: "init", Usage: "start from the probe `P.npz`", EnvVars: []string{"WISEFT_INIT"}},
			&cli.StringFlag{Name: "head-init", Usage: "start from the classifier of the `MODEL`; finetuned = the one that the features are from", EnvVars: []string{"WISEFT_HEAD_INIT"}},
			&cli.BoolFlag{Name: "blockwise", Usage: "leave the features on disk, so that they may be larger than memory", EnvVars: []string{"WISEFT_BLOCKWISE"}},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing output", EnvVars: []string{"WISEFT_FORCE"}},
		}, fitFlags()...),
	}, runProbeFit)
}

type probeFitReport struct {
	Schema string            `json:"schema"`
	Output string            `json:"output"`
	Path   []probe.PathPoint `json:"path,omitempty"` // what the choice of C was made from
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
	opt, cs, err := c.fitPathOptions()
	if err != nil {
		return nil, err
	}
	if opt.Init, err = c.fitStart(args[0], opt.Solver); err != nil {
		return nil, err
	}
	var classifier *probe.Classifier
	var report probe.FitReport
	var points []probe.PathPoint
	if c.Bool("blockwise") {
		classifier, report, err = c.fitBlockwise(ctx, args[0], opt, cs)
	} else {
		classifier, report, points, err = c.fitOrChoose(ctx, args[0], opt, cs)
	}
	if err != nil {
		return nil, err
	}
	if _, _, err := writeOutput(out, classifier.Write); err != nil {
		return nil, err
	}
	return &probeFitReport{"wiseft.probe-fit/1", out, points, report}, nil
}

// fitOrChoose fits with one C, or chooses among several.
func (c *call) fitOrChoose(
	ctx context.Context, file string, opt probe.FitOptions, cs []float64,
) (*probe.Classifier, probe.FitReport, []probe.PathPoint, error) {
	f, err := readFeatures(file)
	if err != nil {
		return nil, probe.FitReport{}, nil, err
	}
	if len(cs) == 1 {
		if c.String("val") != "" || c.Int("folds") != 0 {
			return nil, probe.FitReport{}, nil, usageError{msg: "--val and --folds choose among several values of --C, and there is one"}
		}
		cl, report, err := probe.Fit(ctx, f, opt)
		return cl, report, nil, nameInput(file, err)
	}
	path := probe.PathOptions{Cs: cs, Folds: c.Int("folds"), Seed: opt.Seed}
	if name := c.String("val"); name != "" {
		val, err := readFeatures(name)
		if err != nil {
			return nil, probe.FitReport{}, nil, err
		}
		path.Val = val
	} else if path.Folds == 0 {
		path.Folds = 5
	}
	cl, report, points, err := probe.FitPath(ctx, f, opt, path)
	return cl, report, points, nameInput(file, err)
}

// fitBlockwise fits on features that stay on disk.
func (c *call) fitBlockwise(
	ctx context.Context, file string, opt probe.FitOptions, cs []float64,
) (*probe.Classifier, probe.FitReport, error) {
	if len(cs) > 1 || c.String("val") != "" || c.Int("folds") != 0 {
		return nil, probe.FitReport{}, usageError{msg: "--blockwise fits with one value of --C, without folds"}
	}
	f, size, err := openFile(file)
	if err != nil {
		return nil, probe.FitReport{}, err
	}
	defer f.Close()
	table, err := probe.OpenFeatures(f, size)
	if err != nil {
		return nil, probe.FitReport{}, nameInput(file, err)
	}
	defer table.Close()
	cl, report, err := probe.Fit(ctx, table, opt)
	return cl, report, nameInput(file, err)
}

// fitStart returns the classifier that the flags let a solver start from; nil = none. Of
// the features it reads what they say about themselves, and leaves the rows on disk.
func (c *call) fitStart(features, solver string) (*probe.Classifier, error) {
	start, model := c.String("init"), c.String("head-init")
	if start == "" && model == "" {
		return nil, nil
	}
	if start != "" && model != "" {
		return nil, usageError{msg: "--init and --head-init are two starts; choose one"}
	}
	if s, _ := probe.LookupSolver(solver); s.Start == "" {
		return nil, usageError{msg: "the solver " + solver + " takes no start", hint: "leave out --init and --head-init"}
	}
	if start != "" {
		return readClassifier(start)
	}
	f, size, err := openFile(features)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := probe.OpenFeatures(f, size)
	if err != nil {
		return nil, nameInput(features, err)
	}
	defer table.Close()
	if model == "finetuned" {
		if model = table.Info().Model; model == "" {
			return nil, usageError{msg: features + " does not say which model it is from", hint: "name it with --head-init MODEL"}
		}
	}
	return headStart(model, table)
}

// headStart reads the classifier of a model. One of other classes than the data has is a
// mismatch.
func headStart(path string, f probe.Table) (*probe.Classifier, error) {
	m, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	tensor, err := featureTensor(m.Model, f.Info().Tensor)
	if err != nil {
		return nil, nameInput(path, err)
	}
	classifier, err := m.FindClassifier(tensor)
	if err != nil {
		return nil, nameInput(path, err)
	}
	if classes := max(len(f.Info().Data.Classes), classesOf(f.Labels())); classifier.Classes != classes || classifier.Dim != f.Width() {
		return nil, mismatchError{fmt.Sprintf("the classifier of %s has %d classes and takes %d values, the features are of %d classes and %d values",
			path, classifier.Classes, classifier.Dim, classes, f.Width())}
	}
	layer, err := classifier.Read()
	if err != nil {
		return nil, nameInput(path, err)
	}
	return &probe.Classifier{
		Layers: []probe.Layer{{W: layer.Weight, B: layer.Bias}}, Dim: classifier.Dim, Classes: make([]string, classifier.Classes),
	}, nil
}

// nameInput puts a file's name in front of an error.
func nameInput(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file, err)
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

// classesOf returns how many classes the labels need.
func classesOf(y []int64) int {
	classes := 0
	for _, label := range y {
		classes = max(classes, int(label)+1)
	}
	return classes
}
