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
		ArgsUsage: "MODEL [P.npz | --weights W.npy] -o OUT.onnx",
		Description: "The new model's only output, scores, is what the probe computes from the tensor that\n" +
			"it was fitted on, pooled as its features were. What the scores do not need, such as the old head, is removed.\n" +
			"With --into-head the model keeps its operators and outputs, and its classifier, which\n" +
			"must have the probe's shape, gets the probe's weights.\n\n" +
			"--weights takes a matrix with a row for each class in the place of a probe, such as embeddings of\n" +
			"the classes' names: with --unit-features and --scale 100 it is CLIP's zero-shot head.\n\n" +
			"Examples:\n" +
			"  wiseft probe attach merged.onnx probe.npz -o classifier.onnx\n" +
			"  wiseft probe attach image_tower.onnx --weights classes.npy --unit-features --scale 100 -o zeroshot.onnx",
		Flags: slices.Concat(section("",
			outFlag(&out, "the new model's `FILE`"),
			forceFlag(&o.Force, "replace an existing output"),
			define(&o.IntoHead, "into-head", "write a linear probe into the model's own classifier, and change nothing else").env(),
			define(&o.Float64, "float64", "compute the head in double precision; its weights stay float32").env(),
			define(&o.Softmax, "softmax", "output probabilities instead of scores").env(),
			define(&o.Weights, "weights", "`W.npy` with the weights of a linear head, [classes, values], in the place of a probe").env(),
			define(&o.Unit, "unit-features", "with --weights: divide features by their Euclidean norm first").env(),
			define(&o.Scale, "scale", "with --weights: the `FACTOR` of the scores").shown("1").env(),
			define(&o.Tensor, "output", "the `TENSOR` that the probe reads").
				alias("backbone-output").shown("the one it was fitted on"),
		), pool.flags()),
	}, atLeast("MODEL"), func(ctx context.Context, c *call) (result, error) {
		if len(c.args) > 2 {
			return nil, exactly("MODEL", "P.npz").check(c)
		}
		o.Pool = pool.pool
		classifier := append(c.args, "")[1]
		return attachment.result(wiseft.Attach(ctx, out, c.args[0], classifier, o))
	})
}

var attachment = form[wiseft.AttachResult]{"wiseft.probe-attach/1", writeAttachment}

func writeAttachment(w io.Writer, r *wiseft.AttachResult) error {
	_, err := fmt.Fprintf(w, "%s: scores of %d classes from %q (%d values), %s bytes\n",
		r.Output, len(r.Classes), r.Tensor, r.Dim, humanize.Comma(r.Bytes))
	return err
}
