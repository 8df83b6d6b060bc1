package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

func newDataCommand() *cli.Command {
	var o dataOptions
	return newCommand(&cli.Command{
		Name:      "data",
		Usage:     "show what a data set holds",
		ArgsUsage: "DATA",
		Description: "Every sample is read and checked. Samples that are there twice are named, and a folder of\n" +
			"corrupted data is refused whose labels differ from the clean ones or that lacks a severity.\n\n" +
			"Examples:\n" +
			"  wiseft data modelnet40_ply_hdf5_2048 --split test\n" +
			"  wiseft data modelnet_c\n" +
			"  wiseft data view modelnet_c --split jitter_3 -o jitter.png",
		Flags:       append(section("", splitFlag(&o.Split)), o.flags()...),
		Subcommands: []*cli.Command{newDataViewCommand()},
	}, exactly("DATA"), func(ctx context.Context, c *call) (result, error) {
		return description.result(wiseft.DescribeData(ctx, o.at(c.args[0]), c.monitor()))
	})
}

var description = form[wiseft.DataDescription]{"wiseft.data/1", writeDescription}

func writeDescription(w io.Writer, r *wiseft.DataDescription) error {
	t := newTable(w)
	fmt.Fprintf(t, "data\t%s (%s), %d samples\n", r.Name, r.Format, r.N)
	fmt.Fprintf(t, "shapes\t%s\n", counts(r.Shapes))
	fmt.Fprintf(t, "range\t%g to %g\n", r.Min, r.Max)
	for _, line := range r.History {
		fmt.Fprintf(t, "prepared\t%s\n", line)
	}
	for _, line := range r.Warnings {
		fmt.Fprintf(t, "warning\t%s\n", line)
	}
	if r.Repeated > 0 {
		fmt.Fprintf(t, "repeated\t%d of %d samples have the values of one before them\n", r.Repeated, r.N)
	}
	if k := r.Corrupted; k != nil {
		origin := "labels agree in all files"
		if k.SelfMade {
			origin += ", self-made"
		}
		fmt.Fprintf(t, "corrupted\t%d files, 5 severities of %s; %s\n", k.Files, strings.Join(k.Corruptions, ", "), origin)
	}
	fmt.Fprintf(t, "sha256\t%s\n", r.SHA256)
	for _, l := range r.Labels {
		fmt.Fprintf(t, "class %d\t%d\t%s\n", l.Label, l.N, l.Name)
	}
	return t.Flush()
}
