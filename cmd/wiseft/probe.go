package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
)

func newProbeCommand() *cli.Command {
	c := &cli.Command{
		Name:  "probe",
		Usage: "train, score and attach probes",
		Subcommands: []*cli.Command{
			newProbeFitCommand(),
			newProbeScoreCommand(),
			newProbeAttachCommand(),
			newProbeSVMCommand(),
			newProbeFewShotCommand(),
			newProbeKFoldCommand(),
		},
		HideHelpCommand: true,
		OnUsageError:    onUsageError,
	}
	c.Action = func(cc *cli.Context) error {
		if cc.Args().Present() {
			return unknownCommand(c.Subcommands, cc.Args().First())
		}
		return usageError{msg: "probe needs one of fit, score, attach, svm, few-shot, k-fold", hint: "run wiseft probe --help"}
	}
	return c
}

// fitFlags choose the probe.
func fitFlags() []cli.Flag {
	const category = "Probe:"
	return []cli.Flag{
		&cli.StringFlag{Name: "solver", Value: "logistic", Usage: "what is minimised; see wiseft list solvers", EnvVars: []string{"WISEFT_SOLVER"}, Category: category},
		&cli.StringFlag{Name: "C", Value: "1", Usage: "weight of the loss against the penalty on the weights", EnvVars: []string{"WISEFT_C"}, Category: category},
		&cli.StringFlag{Name: "class-weight", Usage: "none, or balanced: all classes count alike", Value: "none", EnvVars: []string{"WISEFT_CLASS_WEIGHT"}, Category: category},
		&cli.Float64Flag{Name: "tol", Value: 1e-6, Usage: "relative gradient norm at which a solver stops", EnvVars: []string{"WISEFT_TOL"}, Category: category},
		&cli.IntFlag{Name: "max-iter", Value: 1000, Usage: "iterations at most", EnvVars: []string{"WISEFT_MAX_ITER"}, Category: category},
		&cli.IntFlag{Name: "neighbors", Value: 5, Usage: "votes of the solver knn", EnvVars: []string{"WISEFT_NEIGHBORS"}, Category: category},
		&cli.StringFlag{Name: "hidden", Value: "256", Usage: "sizes of the hidden layers of the solver mlp, such as 256,256", EnvVars: []string{"WISEFT_HIDDEN"}, Category: category},
		&cli.Float64Flag{Name: "dropout", Usage: "share of hidden values that the solver mlp drops", EnvVars: []string{"WISEFT_DROPOUT"}, Category: category},
		&cli.IntFlag{Name: "epochs", Value: 100, Usage: "passes of the solver mlp", EnvVars: []string{"WISEFT_EPOCHS"}, Category: category},
		&cli.Uint64Flag{Name: "probe-seed", Usage: "of the solver mlp, and of folds", EnvVars: []string{"WISEFT_PROBE_SEED"}, Category: category},
		&cli.BoolFlag{Name: "standardize", Usage: "scale features to mean 0 and deviation 1 first (folded back into the probe)", EnvVars: []string{"WISEFT_STANDARDIZE"}, Category: category},
	}
}

// fitOptions reads the flags of commands that take one value of C.
func (c *call) fitOptions() (probe.FitOptions, error) {
	opt, cs, err := c.fitPathOptions()
	if err == nil && len(cs) > 1 {
		err = usageError{msg: "--C names several values; this command takes one", hint: "choose one with wiseft probe fit"}
	}
	return opt, err
}

// fitPathOptions reads the flags of a fit; C is the first of all its values.
func (c *call) fitPathOptions() (opt probe.FitOptions, cs []float64, err error) {
	opt = probe.FitOptions{
		Solver: c.String("solver"), Standardize: c.Bool("standardize"), Balanced: c.String("class-weight") == "balanced",
		Tol: c.Float64("tol"), MaxIter: c.Int("max-iter"), Neighbors: c.Int("neighbors"),
		Dropout: c.Float64("dropout"), Epochs: c.Int("epochs"), Seed: c.Uint64("probe-seed"),
	}
	if _, ok := probe.LookupSolver(opt.Solver); !ok {
		return opt, nil, usageError{msg: "there is no solver " + opt.Solver, hint: "see wiseft list solvers"}
	}
	if cs, err = parseLogGrid(c.String("C")); err != nil {
		return opt, nil, usageError{msg: "--C " + err.Error()}
	}
	opt.C = cs[0]
	if opt.Hidden, err = parseSizes(c.String("hidden")); err != nil {
		return opt, nil, usageError{msg: "--hidden " + err.Error()}
	}
	if name := c.String("class-weight"); name != "none" && name != "balanced" {
		return opt, nil, usageError{msg: "--class-weight " + name + " is neither none nor balanced"}
	}
	if !(opt.Tol > 0) || opt.MaxIter < 1 || opt.Neighbors < 1 || opt.Epochs < 1 {
		return opt, nil, usageError{msg: "--tol, --max-iter, --neighbors and --epochs must be positive"}
	}
	if !(opt.Dropout >= 0 && opt.Dropout < 1) {
		return opt, nil, usageError{msg: fmt.Sprintf("--dropout %g is not within [0, 1)", opt.Dropout)}
	}
	return opt, cs, nil
}

func readFeatures(path string) (*probe.Features, error) {
	return readNPZ(path, probe.ReadFeatures)
}

func readClassifier(path string) (*probe.Classifier, error) {
	return readNPZ(path, probe.ReadClassifier)
}

func readNPZ[T any](path string, read func(io.ReaderAt, int64) (*T, error)) (*T, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := read(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
