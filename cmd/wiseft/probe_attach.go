package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newProbeAttachCommand() *cli.Command {
	var o wiseft.AttachOptions
	var out string
	var pool poolOptions
	return newCommand(&cli.Command{
		Name:      "attach",
		Usage:     "put a probe on top of a model: one file that classifies",
		ArgsUsage: "MODEL P.npz -o OUT.onnx",
		Description: "The new model's only output, scores, is what the probe computes from the tensor that\n" +
			"it was fitted on, pooled as its features were. What the scores do not need, such as the old head, is removed.\n" +
			"With --into-head the model keeps its operators and outputs, and its classifier, which\n" +
			"must have the probe's shape, gets the probe's weights.\n\n" +
			"Example:\n" +
			"  wiseft probe attach merged.onnx probe.npz -o classifier.onnx",
		Flags: slices.Concat(section("",
			outFlag(&out, "the new model's `FILE`"),
			forceFlag(&o.Force, "replace an existing output"),
			define(&o.IntoHead, "into-head", "write a linear probe into the model's own classifier, and change nothing else").env(),
			define(&o.Float64, "float64", "compute the head in double precision; its weights stay float32").env(),
			define(&o.Softmax, "softmax", "output probabilities instead of scores").env(),
			define(&o.Tensor, "output", "the `TENSOR` that the probe reads").
				alias("backbone-output").shown("the one it was fitted on"),
		), pool.flags()),
	}, exactly("MODEL", "P.npz"), func(ctx context.Context, c *call) (result, error) {
		o.Pool = pool.pool
		return attachment.result(wiseft.Attach(ctx, out, c.args[0], c.args[1], o))
	})
}

var attachment = form[wiseft.AttachResult]{"wiseft.probe-attach/1", writeAttachment}

func writeAttachment(w io.Writer, r *wiseft.AttachResult) error {
	_, err := fmt.Fprintf(w, "%s: scores of %d classes from %q (%d values), %s bytes\n",
		r.Output, len(r.Classes), r.Tensor, r.Dim, humanize.Comma(r.Bytes))
	return err
}
