package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/corrupt"
)

// corruptCommand has the options of corrupt.
type corruptCommand struct {
	wiseft.CorruptOptions
	dataOptions
	out, severities string
}

func newCorruptCommand() *cli.Command {
	var o corruptCommand
	flags := section("",
		define(&o.out, "out", "`FOLDER` to make").alias("o").env(),
		splitFlag(&o.Split),
		define(&o.Suite, "suite", "corruption suite; see wiseft list suites").or("modelnet-c").env(),
		define(&o.Corruptions, "corruption", "only the corruption `NAME`; may be repeated"),
		define(&o.severities, "severity", "only these severities").or("1-5").env(),
		define(&o.RNG, "rng", "wiseft (keyed by seed, corruption, severity and sample) or numpy (the reference's stream, "+
			"bit for bit)").or("wiseft").env(),
		define(&o.Stream, "stream", "with --rng numpy: global (one seed for all, as the reference) or cell "+
			"(seeded anew for each file)").or("global").env(),
		define(&o.Format, "as", "hdf5, npy or npz").shown("as the suite is published").env(),
		forceFlag(&o.Force, "replace a folder that this command made"),
	)
	shared := slices.DeleteFunc(o.dataOptions.flags(), func(f cli.Flag) bool { return f.Names()[0] == "layout" })
	return newCommand(&cli.Command{
		Name:      "corrupt",
		Usage:     "write a data set under all corruptions of a suite",
		ArgsUsage: "DATA -o FOLDER",
		Description: "The files are laid out as the published ones, and labelled as made here: their figures are\n" +
			"not comparable with published ones.\n\n" +
			"Examples:\n" +
			"  wiseft corrupt modelnet40_ply_hdf5_2048 --split test --points 1024 -o modelnet_c\n" +
			"  wiseft corrupt modelnet40_ply_hdf5_2048 --split test --suite modelnet40-c --rng numpy -o modelnet40_c",
		Flags: append(flags, shared...),
	}, exactly("DATA"), o.run)
}

func (o *corruptCommand) run(ctx context.Context, c *call) (result, error) {
	opt := o.CorruptOptions
	suite, err := corrupt.LookupSuite(opt.Suite)
	if err != nil {
		return nil, usagef("there is no suite %s", opt.Suite).WithHint("see wiseft list suites")
	}
	if opt.Severities, err = parseSeverities(o.severities, suite.Severities); err != nil {
		return nil, usagef("%w", err)
	}
	opt.Monitor = c.monitor()
	if c.IsSet("seed") {
		opt.Seed = &o.dataOptions.Seed
	}
	r, err := wiseft.Corrupt(ctx, o.out, o.at(c.args[0]), opt)
	return &corruptReport{r}, err
}

type corruptReport struct{ *wiseft.CorruptResult }

func (r *corruptReport) writeText(w io.Writer) error {
	var size int64
	for _, f := range r.Files {
		size += f.Bytes
	}
	_, err := fmt.Fprintf(w, "%s: %d files of %d clouds, %s, self-made (%s, rng %s, seed %d) in %.1f s\n",
		r.Output, len(r.Files), r.N, humanize.IBytes(uint64(size)), r.Suite, r.RNG, r.Seed, r.Seconds)
	return err
}
