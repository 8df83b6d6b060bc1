package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/report"
)

// reportCommand is the options of report.
type reportCommand struct {
	out, format, plot string
	force             bool
}

func newReportCommand() *cli.Command {
	var o reportCommand
	return newCommand(&cli.Command{
		Name:      "report",
		Usage:     "show the result of a sweep or benchmark as a page, a table, a plot",
		ArgsUsage: "RUN",
		Description: "RUN is the folder of a run, or its result.json. The file's extension says what is made:\n" +
			"html, md, csv, json, txt, svg or png. Without -o, what is text goes to standard output.\n\n" +
			"The CSV has a line for every figure, at full precision, as a share and not in percent:\n" +
			"part and data (what it was measured on), model, alpha, params, corruption (clean, all),\n" +
			"severity (0 for clean data, empty for means), figure, value, low and high (the interval), n.\n\n" +
			"Examples:\n" +
			"  wiseft report run -o report.html\n" +
			"  wiseft report run --format markdown\n" +
			"  wiseft report run --plot heatmap -o heatmap.png",
		Flags: section("",
			define(&o.out, "out", "`FILE` to write").alias("o").shown("standard output"),
			// No variable: WISEFT_FORMAT is that of data.
			define(&o.format, "format", "`FORMAT`: "+
				""+strings.Join(report.Names(), ", ")).shown("that of the file's extension, or table"),
			define(&o.plot, "plot", "`PLOT` to draw as svg or png: "+strings.Join(report.PlotNames(), ", ")).shown("curve"),
			forceFlag(&o.force, "replace the file if it exists"),
		),
	}, exactly("RUN"), o.run)
}

// reported describes a report that was written. Without a file, Text is the report itself.
type reported struct {
	Schema string `json:"schema"`
	Format string `json:"format"`
	Plot   string `json:"plot,omitempty"`
	Output string `json:"output,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Text   string `json:"text,omitempty"`
}

func (r *reported) writeText(w io.Writer) error {
	if r.Output == "" {
		_, err := io.WriteString(w, r.Text)
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s bytes\n", r.Output, strings.TrimSpace(r.Plot+" "+r.Format), humanize.Comma(r.Bytes))
	return err
}

func (o *reportCommand) run(_ context.Context, c *call) (result, error) {
	format, plot, err := o.formatAndPlot()
	if err != nil {
		return nil, err
	}
	path := wiseft.ResultPath(c.args[0])
	if o.out != "" {
		if err := output.Check(o.out, output.Options{Force: o.force, Inputs: []string{path}}); err != nil {
			return nil, err
		}
	}
	res, err := wiseft.ReadResult(path)
	if err != nil {
		return nil, err
	}
	write := func(w io.Writer) error {
		if plot != "" {
			return report.WritePlot(w, plot, format, res)
		}
		return report.Write(w, format, res)
	}
	done := &reported{Schema: "wiseft.report/1", Format: format, Plot: plot, Output: o.out}
	if o.out == "" {
		var text strings.Builder
		err = write(&text)
		done.Text = text.String()
	} else {
		var written output.Written
		written, err = output.WriteFile(o.out, write)
		done.SHA256, done.Bytes = written.SHA256, written.SizeBytes
	}
	if _, empty := errors.AsType[*report.EmptyPlotError](err); empty {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	return done, err
}

// reportFormats are the formats by the extension of a file.
var reportFormats = map[string]string{
	".html": "html", ".htm": "html", ".md": "markdown", ".csv": "csv", ".json": "json", ".txt": "table", ".svg": "svg", ".png": "png",
}

// formatAndPlot returns what is written. plot is "" where the format is no picture.
func (o *reportCommand) formatAndPlot() (format, plot string, err error) {
	out, format, plot := o.out, o.format, o.plot
	if format == "" && out != "" {
		extension := strings.ToLower(filepath.Ext(out))
		if format = reportFormats[extension]; format == "" {
			return "", "", usagef("%s: the extension %q says no format", out, extension).WithHint("say it with --format")
		}
	}
	if format == "" {
		format = map[bool]string{true: "svg", false: "table"}[plot != ""]
	}
	names, plots := strings.Join(report.Names(), ", "), strings.Join(report.PlotNames(), ", ")
	isPicture := format == "svg" || format == "png"
	switch {
	case !slices.Contains(report.Names(), format):
		return "", "", usagef("there is no format %q", format).WithHint("there are %s", names)
	case plot != "" && !slices.Contains(report.PlotNames(), plot):
		return "", "", usagef("there is no plot %q", plot).WithHint("there are %s", plots)
	case plot != "" && !isPicture:
		return "", "", usagef("--plot %s draws svg or png, not %s", plot, format)
	case format == "png" && out == "":
		return "", "", usagef("png is no text").WithHint("name a file with -o FILE")
	}
	if isPicture && plot == "" {
		plot = "curve"
	}
	return format, plot, nil
}
