package wiseft

import (
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/report"
)

// ReportOptions says in which form the result of a run is shown.
type ReportOptions struct {
	Format string // a name of package report; "" is that of the file's extension, else "svg" with Plot and "table" without
	Plot   string // for the formats "svg" and "png": a name of package report; "" is "curve"
	Force  bool   // replace an existing output
	// Hub has the names of models and data on a model hub, for the formats "card" and "eval-results".
	Hub result.Hub
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
// run's folder or its result file. If out is "", the report is the Text of the result; a binary format needs a file. A plot of
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
	measured, err := ReadResult(path)
	if err != nil {
		return nil, err
	}
	if opt.Hub.BaseModels != nil || opt.Hub.Data != "" {
		measured.Hub = &opt.Hub
	}
	write := func(w io.Writer) error {
		if opt.Plot != "" {
			return report.WritePlot(w, opt.Plot, opt.Format, measured)
		}
		return report.Write(w, opt.Format, measured)
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

// complete sets the format and the plot that a report to the file out has, and checks them. Plot stays "" if the format
// is no picture.
func (o *ReportOptions) complete(out string) error {
	switch {
	case o.Format == "" && out != "":
		format, ok := report.OfFile(filepath.Base(out))
		if !ok {
			return fault.Usagef("%s: the extension %q names no format", out, filepath.Ext(out)).WithHint("say it with --format")
		}
		o.Format = format.Name
	case o.Format == "" && o.Plot != "":
		o.Format = "svg"
	case o.Format == "":
		o.Format = "table"
	}
	format, err := report.Lookup(o.Format)
	if err != nil {
		return fault.Usagef("there is no format %q", o.Format).WithHint("there are %s", strings.Join(report.Names(), ", "))
	}
	isPicture := o.Format == "svg" || o.Format == "png"
	switch {
	case o.Plot != "" && !slices.Contains(report.PlotNames(), o.Plot):
		return fault.Usagef("there is no plot %q", o.Plot).WithHint("there are %s", strings.Join(report.PlotNames(), ", "))
	case o.Plot != "" && !isPicture:
		return fault.Usagef("--plot %s draws svg or png, not %s", o.Plot, o.Format)
	case format.Binary && out == "":
		return fault.Usagef("%s is not text", o.Format).WithHint("name a file with -o FILE")
	case format.NeedsName && !format.HasName(filepath.Base(out)):
		return fault.Usagef("%s: programs find files of the format %s by names of the form %s", out, o.Format,
			strings.Join(format.Files, ", "))
	}
	if isPicture && o.Plot == "" {
		o.Plot = "curve"
	}
	return o.checkHub()
}

// hubName is the form of names on a model hub.
var hubName = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)

// checkHub checks the names on a model hub.
func (o *ReportOptions) checkHub() error {
	names := o.Hub.BaseModels
	if o.Hub.Data != "" {
		names = append(slices.Clone(names), o.Hub.Data)
	}
	for _, name := range names {
		if !hubName.MatchString(name) {
			return fault.Usagef("%q is no name on a model hub, which has the form OWNER/NAME", name)
		}
	}
	if o.Hub.Task != "" && o.Hub.Data == "" {
		return fault.Usagef("a task %q without a data set", o.Hub.Task)
	}
	return nil
}
