package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/corrupt"
)

func newDataViewCommand() *cli.Command {
	var data dataOptions
	var o wiseft.ViewOptions
	var corruption string
	return newCommand(&cli.Command{
		Name:      "view",
		Usage:     "draw samples: in the terminal, or as a sheet, turning, or a page",
		ArgsUsage: "DATA",
		Description: "Clouds are drawn with the axis y up (--axes xzy for data with z up), from the front, the right and above;\n" +
			"near points are blue, far ones grey. Samples are taken at equal distances.\n\n" +
			"Examples:\n" +
			"  wiseft data view test.npz -n 3\n" +
			"  wiseft data view test.npz --corruption jitter:3 -o jitter.png\n" +
			"  wiseft data view modelnet10 --split test -o clouds.html",
		Flags: append(section("",
			outFlag(&o.Output, "output `FILE`: .png is a sheet, .gif one of turning clouds, .html a page").
				shown("drawn in the terminal").env(),
			forceFlag(&o.Force, "replace an existing output"),
			define(&o.N, "n", "`N` samples").shown("12; 3 in the terminal"),
			define(&o.Size, "size", "`N` pixels of a side").shown("160"),
			define(&corruption, "corruption", "draw samples under `NAME:SEVERITY`, with the draws of sweep and bench"),
			splitFlag(&data.Split)), data.flags()...),
	}, exactly("DATA"), func(ctx context.Context, c *call) (result, error) {
		o.Monitor = c.monitor()
		if err := readCorruption(&o, corruption); err != nil {
			return nil, err
		}
		if o.Output == "" && o.N == 0 {
			o.N = 3
		}
		return view.result(wiseft.ViewData(ctx, data.at(c.args[0]), o))
	})
}

// readCorruption parses NAME:SEVERITY.
func readCorruption(o *wiseft.ViewOptions, text string) error {
	if text == "" {
		return nil
	}
	name, severity, _ := strings.Cut(text, ":")
	list, err := parseSeverities(severity, corrupt.Severities)
	if err != nil || len(list) != 1 {
		return usagef("--corruption %s is not NAME:SEVERITY, with a severity from 1 to %d", text, corrupt.Severities)
	}
	o.Corruption, o.Severity = name, list[0]
	return nil
}

var view = form[wiseft.ViewResult]{"wiseft.view/1", writeView}

func writeView(w io.Writer, r *wiseft.ViewResult) error {
	for _, v := range r.Samples {
		if v.Lines == nil {
			continue
		}
		for _, line := range v.Lines {
			fmt.Fprintln(w, line)
		}
		fmt.Fprintf(w, "%s\n\n", v.Title())
	}
	if r.Output != "" {
		fmt.Fprintf(w, "%s: %d samples of %s\n", r.Output, len(r.Samples), r.Data.Name)
	}
	return nil
}
