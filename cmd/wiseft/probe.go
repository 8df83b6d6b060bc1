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
		Usage: "train, score and attach linear probes",
		Subcommands: []*cli.Command{
			newProbeFitCommand(),
			newProbeScoreCommand(),
			newProbeAttachCommand(),
		},
		HideHelpCommand: true,
		OnUsageError:    onUsageError,
	}
	c.Action = func(cc *cli.Context) error {
		if cc.Args().Present() {
			return unknownCommand(c.Subcommands, cc.Args().First())
		}
		return usageError{msg: "probe needs one of fit, score, attach", hint: "run wiseft probe --help"}
	}
	return c
}

// fitFlags choose the probe.
func fitFlags() []cli.Flag {
	const category = "Probe:"
	return []cli.Flag{
		&cli.StringFlag{Name: "solver", Value: "logistic", Usage: "what is minimised; see wiseft list solvers", EnvVars: []string{"WISEFT_SOLVER"}, Category: category},
		&cli.Float64Flag{Name: "C", Value: 1, Usage: "weight of the loss against the penalty on the weights", EnvVars: []string{"WISEFT_C"}, Category: category},
		&cli.BoolFlag{Name: "standardize", Usage: "scale features to mean 0 and deviation 1 first (folded back into the probe)", EnvVars: []string{"WISEFT_STANDARDIZE"}, Category: category},
	}
}

func (c *call) fitOptions() (probe.FitOptions, error) {
	opt := probe.FitOptions{Solver: c.String("solver"), C: c.Float64("C"), Standardize: c.Bool("standardize")}
	if _, ok := probe.LookupSolver(opt.Solver); !ok {
		return opt, usageError{msg: "there is no solver " + opt.Solver, hint: "see wiseft list solvers"}
	}
	if !(opt.C > 0) {
		return opt, usageError{msg: fmt.Sprintf("--C %g is not positive", opt.C)}
	}
	return opt, nil
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
