package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// repairOptions are flags of the repair of running statistics.
type repairOptions struct {
	data    string
	mode    string
	samples int
}

func (o *repairOptions) flags() []cli.Flag {
	return section("Repair:",
		define(&o.data, "repair", "measure activations on unlabelled `DATA` (its train split, never test data), and correct "+
			"running statistics by them, or weights and biases where there are none").env(),
		define(&o.mode, "repair-mode", "auto, affine (mean and deviation), scale (deviation alone), or reset (measured "+
			"statistics as they are)").or("auto").env(),
		define(&o.samples, "repair-samples", "`N` samples that are drawn").shown(fmt.Sprint(wiseft.RepairSamples)).env(),
	)
}

// repairMemory is the flag of commands that hold models in memory for repairs alone.
func repairMemory(dst *string) []cli.Flag {
	return section("Repair:", define(dst, "model-memory", "repair models up to this `SIZE`, which are held in memory: at most 2GiB").
		or("1GiB").env())
}

// options returns the library's options; nil without --repair. Samples pass in the default batches on the CPU, so
// that every command gives the same bytes.
// recipe is the repair of a recipe, which flags replace.
// Of runtime the library and the memory for models count.
func (o *repairOptions) options(c *call, data *dataOptions, runtime wiseft.RuntimeOptions, recipe *wiseft.RepairOptions,
) (*wiseft.RepairOptions, error) {
	runtime = wiseft.RuntimeOptions{Library: runtime.Library, ModelMemory: runtime.ModelMemory}
	if o.data == "" {
		for _, flag := range []string{"repair-mode", "repair-samples"} {
			if c.IsSet(flag) {
				return nil, usagef("--%s needs --repair DATA", flag)
			}
		}
		if recipe != nil {
			recipe.Runtime, recipe.Monitor = runtime, c.monitor()
		}
		return recipe, nil
	}
	if c.IsSet("repair-samples") && o.samples < 1 {
		return nil, usagef("--repair-samples must be at least 1")
	}
	return &wiseft.RepairOptions{Data: data.at(o.data), Samples: o.samples, Mode: o.mode, Seed: data.Seed,
		Layout: data.layout, Runtime: runtime, Monitor: c.monitor()}, nil
}
