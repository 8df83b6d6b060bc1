package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
)

func newFeaturesCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the features' `FILE` (NPZ)"},
		&cli.StringFlag{Name: "data", Usage: "data `FILE` or folder", EnvVars: []string{"WISEFT_DATA"}},
		&cli.StringFlag{Name: "split", Usage: "part of the data: train, test, …", EnvVars: []string{"WISEFT_SPLIT"}},
		&cli.BoolFlag{Name: "force", Usage: "replace an existing output", EnvVars: []string{"WISEFT_FORCE"}},
	}
	return newCommand(&cli.Command{
		Name:      "features",
		Usage:     "run a model over a data set and keep what one of its tensors holds",
		ArgsUsage: "MODEL --data DATA -o F.npz",
		Description: "The NPZ holds x (n, d) float32, y (n,) int64, and meta, a JSON text that says what\n" +
			"produced them.\n\n" +
			"Examples:\n" +
			"  wiseft features merged.onnx --data modelnet40_ply_hdf5_2048 --split test --points 1024 -o test.npz\n" +
			"  wiseft features merged.onnx --output /norm/LayerNormalization_output_0 --data test.npz -o inner.npz",
		Flags: append(append(flags, engineFlags()...), dataFlags()...),
	}, runFeatures)
}

type featuresReport struct {
	Schema  string  `json:"schema"`
	Output  string  `json:"output"`
	N       int     `json:"n"`
	Dim     int     `json:"dim"`
	Tensor  string  `json:"tensor"`
	Device  string  `json:"device"`
	Runtime string  `json:"runtime"`
	Rate    float64 `json:"clouds_per_second"`
	Seconds float64 `json:"seconds"`
}

func runFeatures(ctx context.Context, c *call) (_ result, err error) {
	args, err := c.args("MODEL")
	if err != nil {
		return nil, err
	}
	path, out := args[0], c.String("out")
	if c.String("data") == "" {
		return nil, usageError{msg: "no data is named", hint: "name it with --data"}
	}
	if err := checkOutput(out, c.Bool("force"), path, c.String("data")); err != nil {
		return nil, err
	}
	layout, err := c.layout()
	if err != nil {
		return nil, err
	}
	model, tensor, err := c.loadModel(ctx, path)
	if err != nil {
		return nil, err
	}
	opened, data, err := c.openData(c.String("data"), c.String("split"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	hash, err := data.Hash(ctx)
	if err != nil {
		return nil, err
	}
	engine, session, err := c.openSession(ctx, path, model, tensor)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	bar := c.newProgress("features", "clouds")
	defer bar.end()
	start := time.Now()
	features, err := probe.Extract(ctx, session, data, probe.ExtractOptions{
		Batch: c.batch(), Layout: layout, Progress: bar.set,
		Meta: probe.Meta{Wiseft: buildVersion(), Model: path, ModelSHA256: sha256Hex(model), Tensor: tensor,
			Runtime: engine.Runtime(), DataHash: hash},
	})
	if err != nil {
		return nil, nameModel(path, err)
	}
	seconds := time.Since(start).Seconds()
	if _, _, err := writeOutput(out, features.Write); err != nil {
		return nil, err
	}
	return &featuresReport{
		Schema: "wiseft.features/1", Output: out, N: features.Len(), Dim: features.Dim, Tensor: tensor,
		Device: engine.Device.String(), Runtime: engine.Runtime(), Rate: float64(features.Len()) / seconds, Seconds: seconds,
	}, nil
}

// openSession makes a model ready to run on the device that the flags name. path is for
// errors.
func (c *call) openSession(ctx context.Context, path string, model []byte, tensor string) (engine, probe.Extractor, error) {
	e, err := c.newEngine()
	if err != nil {
		return e, nil, err
	}
	session, err := e.Open(ctx, model, tensor)
	return e, session, nameModel(path, err)
}

// loadModel reads a model and decides which of its tensors are the features.
func (c *call) loadModel(ctx context.Context, path string) (model []byte, tensor string, err error) {
	m, err := openModel(path)
	if err != nil {
		return nil, "", err
	}
	defer m.Close()
	if tensor, err = featureTensor(m.Model, c.String("output")); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	c.sayFeatures(m.Model, tensor)
	model, err = m.bytes(ctx)
	return model, tensor, err
}

func (r *featuresReport) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %d x %d from %q in %.1f s (%.0f samples/s, %s)\n",
		r.Output, r.N, r.Dim, r.Tensor, r.Seconds, r.Rate, r.Runtime)
	return err
}
