package wiseft

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/report"
	"github.com/wiseft/wiseft/probe/store"
)

// ReportOptions says in which form the result of a run is shown.
type ReportOptions struct {
	Format string // a name of package report; "" is that of the file's extension, else "svg" with Plot and "table" without
	Dark   bool   // draw the plot in the colours of a dark page; for the format "svg"
	Plot   string // for the formats "svg" and "png": a name of package report; "" is "curve"
	Force  bool   // replace an existing output
	// Reproducible leaves out how the run was made: its command line and time, which are in its journal. Equal results then
	// give equal bytes.
	Reproducible bool
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
// run's folder or its result file, or [Stdio]. If out is "", the report is the Text of the result; a binary format needs a
// file. A plot of figures that the run does not have is an error of kind Input.
func Report(out, run string, opt ReportOptions) (*ReportResult, error) {
	format, err := opt.complete(out)
	if err == nil && format.Binary && out == "" {
		err = fault.Usagef("%s is not text", opt.Format).WithHint("name a file with -o FILE, or - for standard output")
	}
	if err != nil {
		return nil, err
	}
	if out != "" {
		path := ResultPath(run)
		inputs := append(store.Parts(filepath.Dir(path)), path, filepath.Join(filepath.Dir(path), bench.PlanFile))
		if err := output.Check(out, output.Options{Force: opt.Force, Inputs: inputs}); err != nil {
			return nil, err
		}
	}
	write, err := opt.writer(run)
	if err != nil {
		return nil, err
	}
	r := &ReportResult{Format: opt.Format, Plot: opt.Plot, Output: out}
	if out == "" {
		var text strings.Builder
		if err := write(&text); err != nil {
			return nil, err
		}
		r.Text = text.String()
		return r, nil
	}
	written, err := output.WriteFile(out, output.Options{Force: opt.Force}, write)
	if err != nil {
		return nil, err
	}
	r.SHA256, r.Bytes = written.SHA256, written.SizeBytes
	return r, nil
}

// WriteReport is [Report] to w, of any format.
func WriteReport(w io.Writer, run string, opt ReportOptions) error {
	if _, err := opt.complete(""); err != nil {
		return err
	}
	write, err := opt.writer(run)
	if err != nil {
		return err
	}
	return write(w)
}

// writer reads the result of a run, and returns what writes the report of complete options.
func (o *ReportOptions) writer(run string) (func(io.Writer) error, error) {
	measured, err := ReadResult(run)
	if err != nil {
		return nil, err
	}
	if !o.Reproducible && run != Stdio {
		if measured.Journal, err = bench.ReadJournal(os.DirFS(filepath.Dir(ResultPath(run)))); err != nil {
			return nil, err
		}
	}
	if o.Hub.BaseModels != nil || o.Hub.Data != "" {
		measured.Hub = &o.Hub
	}
	return func(w io.Writer) error {
		switch {
		case o.Plot == "":
			err = report.Write(w, o.Format, measured)
		case o.Dark:
			err = report.WriteDarkPlot(w, o.Plot, measured)
		default:
			err = report.WritePlot(w, o.Plot, o.Format, measured)
		}
		if _, empty := errors.AsType[*report.EmptyPlotError](err); empty {
			return fault.Inputf("%s: %w", ResultPath(run), err)
		}
		return err
	}, nil
}

// complete sets the format and the plot that a report to the file out has, "" is none, and checks them. Plot stays "" if
// the format is no picture.
func (o *ReportOptions) complete(out string) (report.Format, error) {
	var none report.Format
	switch {
	case o.Format == "" && out != "":
		format, ok := report.OfFile(filepath.Base(out))
		if !ok {
			return none, fault.Usagef("%s: the extension %q names no format", out, filepath.Ext(out)).
				WithHint("say it with --format")
		}
		o.Format = format.Name
	case o.Format == "" && o.Plot != "":
		o.Format = "svg"
	case o.Format == "":
		o.Format = "table"
	}
	format, err := report.Lookup(o.Format)
	if err != nil {
		return none, fault.Usagef("there is no format %q", o.Format).
			WithHint("there are %s", strings.Join(report.Names(), ", "))
	}
	isPicture := o.Format == "svg" || o.Format == "png"
	switch {
	case o.Plot != "" && !slices.Contains(report.PlotNames(), o.Plot):
		return none, fault.Usagef("there is no plot %q", o.Plot).
			WithHint("there are %s", strings.Join(report.PlotNames(), ", "))
	case o.Plot != "" && !isPicture:
		return none, fault.Usagef("--plot %s draws svg or png, not %s", o.Plot, o.Format)
	case o.Dark && o.Format != "svg":
		return none, fault.Usagef("--dark draws svg, not %s", o.Format).WithHint("a page has both colours")
	case out != "" && format.NeedsName && !format.HasName(filepath.Base(out)):
		return none, fault.Usagef("%s: programs find files of the format %s by names of the form %s", out, o.Format,
			strings.Join(format.Files, ", "))
	}
	if isPicture && o.Plot == "" {
		o.Plot = "curve"
	}
	return format, o.checkHub()
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
