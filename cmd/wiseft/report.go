package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/report"
)

func newReportCommand() *cli.Command {
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
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FILE` to write", DefaultText: "standard output"},
			// No variable: WISEFT_FORMAT is that of data.
			&cli.StringFlag{Name: "format", Usage: "`FORMAT`: " + strings.Join(report.Names(), ", "), DefaultText: "that of the file's extension, or table"},
			&cli.StringFlag{Name: "plot", Usage: "`PLOT` to draw as svg or png: " + strings.Join(report.PlotNames(), ", "), DefaultText: "curve"},
			&cli.BoolFlag{Name: "force", Usage: "replace the file if it exists", EnvVars: []string{"WISEFT_FORCE"}},
		},
	}, runReport)
}

// reported is what report did. Without a file, Text is the report itself.
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

func runReport(_ context.Context, c *call) (result, error) {
	args, err := c.args("RUN")
	if err != nil {
		return nil, err
	}
	format, plot, err := c.reportFormat()
	if err != nil {
		return nil, err
	}
	path := resultPath(args[0])
	out := c.String("out")
	if out != "" {
		if err := checkOutput(out, c.Bool("force"), path); err != nil {
			return nil, err
		}
	}
	res, err := readResult(path)
	if err != nil {
		return nil, err
	}
	write := func(w io.Writer) error {
		if plot != "" {
			return report.WritePlot(w, plot, format, res)
		}
		return report.Write(w, format, res)
	}
	done := &reported{Schema: "wiseft.report/1", Format: format, Plot: plot, Output: out}
	if out == "" {
		var text strings.Builder
		err = write(&text)
		done.Text = text.String()
	} else {
		done.SHA256, done.Bytes, err = writeOutput(out, write)
	}
	if is[*report.EmptyPlotError](err) {
		return nil, inputError{msg: fmt.Sprintf("%s: %v", path, err)}
	}
	return done, err
}

// reportFormats are the formats by the extension of a file.
var reportFormats = map[string]string{
	".html": "html", ".htm": "html", ".md": "markdown", ".csv": "csv", ".json": "json", ".txt": "table", ".svg": "svg", ".png": "png",
}

// reportFormat reads --format and --plot. plot is "" where the format is no picture.
func (c *call) reportFormat() (format, plot string, err error) {
	out := c.String("out")
	format, plot = c.String("format"), c.String("plot")
	if format == "" && out != "" {
		extension := strings.ToLower(filepath.Ext(out))
		if format = reportFormats[extension]; format == "" {
			return "", "", usageError{msg: fmt.Sprintf("%s: the extension %q says no format", out, extension), hint: "say it with --format"}
		}
	}
	if format == "" {
		format = map[bool]string{true: "svg", false: "table"}[plot != ""]
	}
	names, plots := strings.Join(report.Names(), ", "), strings.Join(report.PlotNames(), ", ")
	isPicture := format == "svg" || format == "png"
	switch {
	case !slices.Contains(report.Names(), format):
		return "", "", usageError{msg: fmt.Sprintf("there is no format %q", format), hint: "there are " + names}
	case plot != "" && !slices.Contains(report.PlotNames(), plot):
		return "", "", usageError{msg: fmt.Sprintf("there is no plot %q", plot), hint: "there are " + plots}
	case plot != "" && !isPicture:
		return "", "", usageError{msg: fmt.Sprintf("--plot %s draws svg or png, not %s", plot, format)}
	case format == "png" && out == "":
		return "", "", usageError{msg: "png is no text", hint: "name a file with -o FILE"}
	}
	if isPicture && plot == "" {
		plot = "curve"
	}
	return format, plot, nil
}

// resultPath is the file of a run's result.
func resultPath(run string) string {
	if info, err := os.Stat(run); err == nil && info.IsDir() {
		return filepath.Join(run, resultFile)
	}
	return run
}

// readResult reads the result of a run.
func readResult(path string) (*bench.Result, error) {
	f, _, err := openFile(path)
	if is[inputError](err) && filepath.Base(path) == resultFile {
		if _, planErr := bench.ReadSpec(filepath.Dir(path)); planErr == nil {
			return nil, inputError{msg: fmt.Sprintf("%s: the run has no result yet; make it with wiseft collect %s", path, filepath.Dir(path))}
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	res, err := report.Read(f)
	if is[*report.ResultError](err) {
		return nil, inputError{msg: fmt.Sprintf("%s: %v", path, err)}
	}
	return res, err
}
