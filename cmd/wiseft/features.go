package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// featuresCommand has the options of features.
type featuresCommand struct {
	wiseft.FeaturesOptions
	out, data string
	runtimeOptions
	poolOptions
	dataOptions
}

func newFeaturesCommand() *cli.Command {
	var o featuresCommand
	flags := section("",
		outFlag(&o.out, "the features' `FILE` (NPZ), or - for standard output"),
		define(&o.data, "data", "data `FILE` or folder").env(),
		splitFlag(&o.Split),
		forceFlag(&o.Force, "replace an existing output"),
	)
	return newCommand(&cli.Command{
		Name:      "features",
		Usage:     "run a model over a data set and keep what one of its tensors holds",
		ArgsUsage: "MODEL --data DATA -o F.npz",
		Description: "The NPZ holds x (n, d) float32, y (n,) int64, and meta, a JSON text that says what\n" +
			"produced them.\n\n" +
			"Examples:\n" +
			"  wiseft features merged.onnx --data modelnet40_ply_hdf5_2048 --split test --points 1024 -o test.npz\n" +
			"  wiseft features merged.onnx --output /norm/LayerNormalization_output_0 --data test.npz -o inner.npz\n" +
			"  wiseft features encoder.onnx --data tokens.npz --pool mean -o sentences.npz\n" +
			"  wiseft features vad.onnx --data sound.npz --constant state=zeros --constant sr=16000 -o sounds.npz",
		Flags: slices.Concat(flags, o.runtimeOptions.flags(), o.poolOptions.flags(), o.dataOptions.flags()),
	}, exactly("MODEL"), o.run)
}

func (o *featuresCommand) run(ctx context.Context, c *call) (result, error) {
	opt := o.FeaturesOptions
	opt.Data, opt.Tensor, opt.Layout, opt.Monitor = o.at(o.data), o.tensor, o.layout, c.monitor()
	opt.Pool = o.pool
	var err error
	if opt.Runtime, err = o.runtimeOptions.options(c); err != nil {
		return nil, err
	}
	if o.out == wiseft.Stdio {
		if c.asJSON {
			return nil, usagef("standard output has either the features or the JSON document").WithHint("name a file with -o FILE")
		}
		c.out = c.err
	}
	return extraction.result(wiseft.WriteFeatures(ctx, o.out, c.args[0], opt))
}

var extraction = form[wiseft.FeaturesResult]{"wiseft.features/1", writeExtraction}

func writeExtraction(w io.Writer, r *wiseft.FeaturesResult) error {
	fmt.Fprintf(w, "%s: %d x %d from %q in %.1f s (%.0f samples/s, %s)\n",
		r.Output, r.N, r.Dim, r.Tensor, r.Seconds, r.Rate, r.Runtime)
	for _, line := range r.Prepared {
		fmt.Fprintln(w, line)
	}
	return nil
}
