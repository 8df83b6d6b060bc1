package wiseft

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/report"
)

// ReportOptions says in which form the result of a run is shown.
type ReportOptions struct {
	Format string // a name of package report; "" is that of the file's extension, else "svg" with Plot and "table" without
	Plot   string // for the formats "svg" and "png": a name of package report; "" is "curve"
	Force  bool   // replace an existing output
}

// ReportResult describes a report that was made.
type ReportResult struct {
	Format string `json:"format"`
	Plot   string `json:"plot,omitempty"`
	Output string `json:"output,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Text   string `json:"text,omitempty"` // the report, if it is not written to a file
}

// Report makes a page, a table, a plot or another form of a run's result, and writes it to the file out. run is the
// run's folder or its result file. If out is "", the report is the Text of the result; a "png" needs a file. A plot of
// figures that the run does not have is an error of kind Input.
func Report(out, run string, opt ReportOptions) (*ReportResult, error) {
	if err := opt.complete(out); err != nil {
		return nil, err
	}
	path := ResultPath(run)
	if out != "" {
		inputs := []string{path, filepath.Join(filepath.Dir(path), bench.PlanFile)}
		if err := output.Check(out, output.Options{Force: opt.Force, Inputs: inputs}); err != nil {
			return nil, err
		}
	}
	result, err := ReadResult(path)
	if err != nil {
		return nil, err
	}
	write := func(w io.Writer) error {
		if opt.Plot != "" {
			return report.WritePlot(w, opt.Plot, opt.Format, result)
		}
		return report.Write(w, opt.Format, result)
	}
	r := &ReportResult{Format: opt.Format, Plot: opt.Plot, Output: out}
	if out == "" {
		var text strings.Builder
		err = write(&text)
		r.Text = text.String()
	} else {
		var written output.Written
		written, err = output.WriteFile(out, output.Options{Force: opt.Force}, write)
		r.SHA256, r.Bytes = written.SHA256, written.SizeBytes
	}
	if _, empty := errors.AsType[*report.EmptyPlotError](err); empty {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// reportFormats are the formats by the extension of a file.
var reportFormats = map[string]string{
	".html": "html", ".htm": "html", ".md": "markdown", ".csv": "csv", ".json": "json", ".txt": "table",
	".svg": "svg", ".png": "png",
}

// complete sets the format and the plot that a report to the file out has, and checks them. Plot stays "" if the format
// is no picture.
func (o *ReportOptions) complete(out string) error {
	switch {
	case o.Format == "" && out != "":
		extension := strings.ToLower(filepath.Ext(out))
		if o.Format = reportFormats[extension]; o.Format == "" {
			return fault.Usagef("%s: the extension %q names no format", out, extension).WithHint("say it with --format")
		}
	case o.Format == "" && o.Plot != "":
		o.Format = "svg"
	case o.Format == "":
		o.Format = "table"
	}
	isPicture := o.Format == "svg" || o.Format == "png"
	switch {
	case !slices.Contains(report.Names(), o.Format):
		return fault.Usagef("there is no format %q", o.Format).WithHint("there are %s", strings.Join(report.Names(), ", "))
	case o.Plot != "" && !slices.Contains(report.PlotNames(), o.Plot):
		return fault.Usagef("there is no plot %q", o.Plot).WithHint("there are %s", strings.Join(report.PlotNames(), ", "))
	case o.Plot != "" && !isPicture:
		return fault.Usagef("--plot %s draws svg or png, not %s", o.Plot, o.Format)
	case o.Format == "png" && out == "":
		return fault.Usagef("png is not text").WithHint("name a file with -o FILE")
	}
	if isPicture && o.Plot == "" {
		o.Plot = "curve"
	}
	return nil
}
