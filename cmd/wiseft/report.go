package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/report"
)

func newReportCommand() *cli.Command {
	var o wiseft.ReportOptions
	var out, data string
	return newCommand(&cli.Command{
		Name:      "report",
		Usage:     "show the result of a sweep or benchmark as a page, a table, a plot",
		ArgsUsage: "RUN",
		Description: "RUN is the folder of a run, or its result.json, or - for standard input. The file's\n" +
			"extension says what is made: html, md, tex, csv, json, txt, svg or png; --format names the\n" +
			"others. Without -o, what is text goes to standard output.\n\n" +
			"For a model hub, card is its README.md (put curve.png of the run beside it) and eval-results a file of\n" +
			"the folder .eval_results; both take the names that only the hub knows by --base-model and --hub-data.\n" +
			"TensorBoard reads files with tfevents in their names; robustbench is an entry of its model_info.\n\n" +
			"A page and Markdown end with how the run was made, from its journal; report.html of the run's folder is\n" +
			"without it, as with --reproducible.\n\n" +
			"The CSV has a line for every figure, at full precision, as a share and not in percent:\n" +
			"part and data (what it was measured on), model, alpha, params, corruption (clean, all),\n" +
			"severity (0 for clean data, empty for means), figure, value, low and high (the interval), n.\n\n" +
			"Examples:\n" +
			"  wiseft report run -o report.html\n" +
			"  wiseft report run --format markdown\n" +
			"  wiseft report run --plot heatmap -o heatmap.png\n" +
			"  wiseft report run --format card --base-model me/pretrained --base-model me/finetuned -o README.md\n" +
			"  wiseft report run -o events.out.tfevents.0",
		Flags: section("",
			define(&out, "out", "`FILE` to write").alias("o").shown("-, standard output"),
			// No variable: WISEFT_FORMAT is that of data.
			define(&o.Format, "format", "`FORMAT`: "+strings.Join(report.Names(), ", ")).
				shown("that of the file's extension, or table"),
			define(&o.Plot, "plot", "`PLOT` to draw as svg or png: "+strings.Join(report.PlotNames(), ", ")).
				shown("curve"),
			define(&o.Dark, "dark", "draw the svg in the colours of a dark page"),
			define(&o.Hub.BaseModels, "base-model",
				"`OWNER/NAME` of a merged model on the hub, the pre-trained one first; may be repeated"),
			define(&data, "hub-data", "`OWNER/NAME[:TASK]` of the test data on the hub"),
			define(&o.Reproducible, "reproducible", "leave out how the run was made, its command line and time: equal results then "+
				"give equal bytes").env(),
			forceFlag(&o.Force, "replace the file if it exists"),
		),
	}, exactly("RUN"), abandonable(func(_ context.Context, c *call) (result, error) {
		o.Hub.Data, o.Hub.Task, _ = strings.Cut(data, ":")
		if out == wiseft.Stdio && !c.asJSON {
			return nothing{}, wiseft.WriteReport(c.out, c.args[0], o)
		}
		if out == wiseft.Stdio { // the document has the text
			out = ""
		}
		return reported.result(wiseft.Report(out, c.args[0], o))
	}))
}

var reported = form[wiseft.ReportResult]{"wiseft.report/1", writeReported}

func writeReported(w io.Writer, r *wiseft.ReportResult) error {
	if r.Output == "" {
		_, err := io.WriteString(w, r.Text)
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s bytes\n",
		r.Output, strings.TrimSpace(r.Plot+" "+r.Format), humanize.Comma(r.Bytes))
	return err
}
