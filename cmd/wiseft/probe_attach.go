package main

import (
	"context"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/probe"
)

func newProbeAttachCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "attach",
		Usage:     "put a probe on top of a model: one file that classifies",
		ArgsUsage: "MODEL P.npz -o OUT.onnx",
		Description: "The new model's only output, scores, is what the probe computes from the tensor that\n" +
			"it was fitted on. What the scores do not need, such as the old head, is removed.\n" +
			"With --into-head the model keeps its operators and outputs, and its classifier, which\n" +
			"must have the probe's shape, gets the probe's weights.\n\n" +
			"Example:\n" +
			"  wiseft probe attach merged.onnx probe.npz -o classifier.onnx",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the new model's `FILE`"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing output", EnvVars: []string{"WISEFT_FORCE"}},
			&cli.BoolFlag{Name: "into-head", Usage: "write a linear probe into the model's own classifier, and change nothing else"},
			&cli.BoolFlag{Name: "float64", Usage: "compute the head in double precision; its weights stay float32"},
			&cli.BoolFlag{Name: "softmax", Usage: "output probabilities instead of scores"},
			&cli.StringFlag{Name: "output", Aliases: []string{"backbone-output"}, Usage: "the `TENSOR` that the probe reads", DefaultText: "the one it was fitted on"},
		},
	}, runProbeAttach)
}

type probeAttachReport struct {
	Schema  string   `json:"schema"`
	Output  string   `json:"output"`
	Tensor  string   `json:"tensor"`
	Scores  string   `json:"scores"` // the new model's output
	Dim     int      `json:"dim"`
	Classes []string `json:"classes"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
}

func runProbeAttach(ctx context.Context, c *call) (result, error) {
	args, err := c.args("MODEL", "P.npz")
	if err != nil {
		return nil, err
	}
	out := c.String("out")
	if err := checkOutput(out, c.Bool("force"), args...); err != nil {
		return nil, err
	}
	m, err := openModel(args[0])
	if err != nil {
		return nil, err
	}
	defer m.Close()
	classifier, err := readClassifier(args[1])
	if err != nil {
		return nil, err
	}
	named := c.String("output")
	if named == "" {
		named = classifier.Meta.Tensor
	}
	tensor, err := featureTensor(m.Model, named)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	if classifier.Neighbors != nil {
		return nil, mismatchError{args[1] + " is a probe of the solver knn, which has no layers to attach; fit another solver"}
	}
	head := headOf(classifier, tensor)
	head.Softmax, head.Float64 = c.Bool("softmax"), c.Bool("float64")
	write := func(w io.Writer) error { return m.Attach(ctx, w, head) }
	if c.Bool("into-head") {
		if write, err = c.intoHead(ctx, m.Model, head); err != nil {
			return nil, nameInput(args[0], err)
		}
	}
	sum, size, err := writeOutput(out, write)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return &probeAttachReport{"wiseft.probe-attach/1", out, tensor, head.Output, classifier.Dim, classifier.Classes, size, sum}, nil
}

// intoHead returns a function that writes the model with the probe in its classifier.
func (c *call) intoHead(ctx context.Context, m *graph.Model, head graph.Head) (func(w io.Writer) error, error) {
	if head.Softmax || head.Float64 || len(head.Layers) != 1 {
		return nil, usageError{msg: "--into-head takes a linear probe, and neither --softmax nor --float64"}
	}
	classifier, err := m.FindClassifier(head.Tensor)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return classifier.Write(ctx, w, head.Layers[0], head.Classes) }, nil
}

// headOf returns a probe with layers as a head that reads tensor.
func headOf(cl *probe.Classifier, tensor string) graph.Head {
	head := graph.Head{Tensor: tensor, Output: "scores", Classes: cl.Classes, Mean: cl.Mean}
	for _, l := range cl.Layers {
		head.Layers = append(head.Layers, graph.HeadLayer{Weight: l.W, Bias: l.B, Activation: string(l.Act)})
	}
	return head
}

func (r *probeAttachReport) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: scores of %d classes from %q (%d values), %s bytes\n",
		r.Output, len(r.Classes), r.Tensor, r.Dim, humanize.Comma(r.Bytes))
	return err
}
