package main

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/wiseft/wiseft"
)

func dryRunFlag(dst *bool) definition {
	return define(dst, "dry-run", "only count forward passes and fits, and estimate their time and memory; nothing is written").env()
}

// estimated prints what runs would take.
type estimated struct {
	Schema string     `json:"schema"`
	Runs   []estimate `json:"runs"`
}

// estimate is that of one run.
type estimate struct {
	Folder string `json:"folder,omitempty"`
	*wiseft.Estimate
}

func (e estimated) writeText(w io.Writer) error {
	passes, fits, seconds, fitSeconds := 0, 0, 0.0, 0.0
	for _, r := range e.Runs {
		passes, seconds = passes+r.Passes, seconds+r.Seconds
		fits, fitSeconds = fits+r.Fits, fitSeconds+r.FitSeconds
		where := ""
		if r.Folder != "" {
			where = r.Folder + ": "
		}
		fmt.Fprintf(w, "%s%d models, %d of %d units are there; %s forward passes of single samples, %s, and %s fits, %s; "+
			"about %s of memory beside what onnxruntime takes for a batch\n", where, r.Models, r.Cached, r.Units,
			humanize.Comma(int64(r.Passes)), duration(r.Seconds), humanize.Comma(int64(r.Fits)), duration(r.FitSeconds),
			humanize.IBytes(uint64(r.Bytes)))
	}
	if len(e.Runs) > 1 {
		fmt.Fprintf(w, "in all %s passes, %s, and %s fits, %s\n", humanize.Comma(int64(passes)), duration(seconds),
			humanize.Comma(int64(fits)), duration(fitSeconds))
	}
	_, err := fmt.Fprintln(w, "a dry run: nothing was written; times are estimates: of passes at the speed of the first model, of fits from one "+
		"small fit of each kind, by rows, classes and epochs (half or twice as long is usual)")
	return err
}

// duration writes an estimated time.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d > time.Minute {
		return "about " + d.Round(time.Second).String()
	}
	return "about " + d.Round(100*time.Millisecond).String()
}
