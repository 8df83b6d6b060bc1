package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
)

// alignOptions are flags of the alignment of units before a merge.
type alignOptions struct {
	by      string
	data    string
	samples int
	draws   int
}

func (o *alignOptions) flags() []cli.Flag {
	return section("Alignment:",
		define(&o.by, "align", "bring the units of all models into the order of the last one's (fine-tunes of a base into the base's), by weights or by activations: "+
			"for models that were trained apart").shown("not done").env(),
		define(&o.data, "align-data", "unlabelled `DATA` whose activations are compared (its train split)").
			shown("that of --repair").env(),
		define(&o.samples, "align-samples", "`N` samples that are drawn").shown(fmt.Sprint(wiseft.AlignSamples)).env(),
		define(&o.draws, "align-draws", "`N` draws of samples, of whose orders the one with the most alike units is taken").
			shown("1").env(),
	)
}

// writeAligned says how models were brought into the last one's order.
func writeAligned(w io.Writer, list []onnxmerge.Aligned) {
	for i := range list {
		fmt.Fprintln(w, &list[i])
	}
}

// options returns the library's options; nil without --align. repair is the data of --repair, recipe the alignment of a
// recipe, which flags replace.
func (o *alignOptions) options(c *call, data *dataOptions, library, repair string, recipe *wiseft.AlignOptions,
) (*wiseft.AlignOptions, error) {
	runtime := wiseft.RuntimeOptions{Library: library}
	if o.by == "" {
		for _, flag := range []string{"align-data", "align-samples", "align-draws"} {
			if c.IsSet(flag) {
				return nil, usagef("--%s needs --align", flag)
			}
		}
		if recipe != nil {
			recipe.Runtime, recipe.Monitor = runtime, c.monitor()
		}
		return recipe, nil
	}
	if c.IsSet("align-samples") && o.samples < 1 {
		return nil, usagef("--align-samples must be at least 1")
	}
	if c.IsSet("align-draws") && o.draws < 1 {
		return nil, usagef("--align-draws must be at least 1")
	}
	return &wiseft.AlignOptions{By: o.by, Data: data.at(cmp.Or(o.data, repair)), Samples: o.samples, Draws: o.draws,
		Seed: data.Seed, Layout: data.layout, Runtime: runtime, Monitor: c.monitor()}, nil
}
