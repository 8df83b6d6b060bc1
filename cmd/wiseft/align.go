package main

import (
	"cmp"
	"fmt"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// alignOptions are flags of the alignment of units before a merge.
type alignOptions struct {
	by      string
	data    string
	samples int
}

func (o *alignOptions) flags() []cli.Flag {
	return section("Alignment:",
		define(&o.by, "align", "bring the units of all models into the order of the last one's, by weights or by activations: "+
			"for models that were trained apart").shown("not done").env(),
		define(&o.data, "align-data", "unlabelled `DATA` whose activations are compared (its train split)").
			shown("that of --repair").env(),
		define(&o.samples, "align-samples", "`N` samples that are drawn").shown(fmt.Sprint(wiseft.AlignSamples)).env(),
	)
}

// options returns the library's options; nil without --align. repair is the data of --repair.
func (o *alignOptions) options(c *call, data *dataOptions, library, repair string) (*wiseft.AlignOptions, error) {
	if o.by == "" {
		for _, flag := range []string{"align-data", "align-samples"} {
			if c.IsSet(flag) {
				return nil, usagef("--%s needs --align", flag)
			}
		}
		return nil, nil
	}
	if c.IsSet("align-samples") && o.samples < 1 {
		return nil, usagef("--align-samples must be at least 1")
	}
	return &wiseft.AlignOptions{By: o.by, Data: data.at(cmp.Or(o.data, repair)), Samples: o.samples, Seed: data.Seed,
		Layout: data.layout, Runtime: wiseft.RuntimeOptions{Library: library}, Monitor: c.monitor()}, nil
}
