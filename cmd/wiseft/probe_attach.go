package main

import (
	"context"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newProbeAttachCommand() *cli.Command {
	var o wiseft.AttachOptions
	var out string
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
			outFlag(&out, "the new model's `FILE`"),
			forceFlag(&o.Force, "replace an existing output"),
			&cli.BoolFlag{Name: "into-head", Usage: "write a linear probe into the model's own classifier, and change nothing else", Destination: &o.IntoHead},
			&cli.BoolFlag{Name: "float64", Usage: "compute the head in double precision; its weights stay float32", Destination: &o.Float64},
			&cli.BoolFlag{Name: "softmax", Usage: "output probabilities instead of scores", Destination: &o.Softmax},
			&cli.StringFlag{Name: "output", Aliases: []string{"backbone-output"}, Usage: "the `TENSOR` that the probe reads", DefaultText: "the one it was fitted on", Destination: &o.Tensor},
		},
	}, func(ctx context.Context, c *call) (result, error) {
		args, err := c.args("MODEL", "P.npz")
		if err != nil {
			return nil, err
		}
		r, err := wiseft.Attach(ctx, out, args[0], args[1], o)
		return &probeAttachReport{"wiseft.probe-attach/1", r}, err
	})
}

type probeAttachReport struct {
	Schema string `json:"schema"`
	*wiseft.AttachResult
}

func (r *probeAttachReport) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: scores of %d classes from %q (%d values), %s bytes\n",
		r.Output, len(r.Classes), r.Tensor, r.Dim, humanize.Comma(r.Bytes))
	return err
}
