package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func init() {
	register(Format{Name: "csv", Doc: "every figure of every model on a line of its own (RFC 4180)",
		Files: []string{"*.csv"}, Write: writeCSV})
}

// csvHeader names the columns of the long form:
//
//   - data: the name of the test or transfer set, or the validation data; part: "test", "validation", "transfer",
//     "control" for alternatives to a mix, or "row" for the table of PT, FT, WiSE-FT and WiSE-FT-LP
//   - model, alpha, params: which model; alpha is empty where it is no parameter, params
//     is "alpha=0.5 density=0.1", or empty for a model that is no mix
//   - corruption: its name, "clean" for data as it is, "all" for figures of the suite; of transfer sets protocol and task
//   - severity: 1 to 5, 0 for clean data, empty for means over severities
//   - figure: as in the JSON result; exact_ is what is not rounded as the suite does it
//   - value, low, high: numbers at full precision, shares and not percent; value is empty
//     where there is no figure, low and high where there is no interval
//   - n: samples, empty for figures of several cells
var csvHeader = []string{
	"part", "data", "model", "alpha", "params", "corruption", "severity", "figure", "value", "low", "high", "n",
}

// csvWriter writes the lines of one model on one data set.
type csvWriter struct {
	*csv.Writer
	fixed []string // the first five fields
	err   error
}

// place is the condition of a figure.
type place struct{ corruption, severity string }

// onClean is clean data, onSuite the mean over all corruptions.
var onClean, onSuite = place{"clean", "0"}, place{"all", ""}

func writeCSV(w io.Writer, r *result.Result) error {
	out := &csvWriter{Writer: csv.NewWriter(w)}
	out.UseCRLF = true // RFC 4180
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	for _, m := range r.Models {
		if m.Validation != nil {
			out.about("validation", r.Settings.Validation, m)
			out.score(onClean, m.Validation, nil)
			if m.ValidationRobustness != nil {
				name := "oa"
				if hasScores(r) {
					name = "score"
				}
				out.figure(onSuite, name, *m.ValidationRobustness, nil, "")
			}
		}
		out.about("test", m.Name, m)
		out.tested(r, &m.Tested)
		if m.EffectiveRobustness != nil {
			out.figure(onSuite, "effective_robustness", *m.EffectiveRobustness, nil, "")
		}
		for _, t := range m.MoreTests {
			out.about("test", t.Name, m)
			out.tested(r, t)
		}
		out.transfers(r, m.Transfer)
	}
	for _, c := range r.Controls {
		alpha := ""
		if c.Alpha != nil {
			alpha = exact(*c.Alpha)
		}
		out.fixed = []string{"control", cell(c.Name), c.ID + " " + c.Head, alpha, ""}
		out.tested(r, &c.Tested)
		out.transfers(r, c.Transfer)
	}
	out.rows(r)
	out.Flush()
	if out.err != nil {
		return out.err
	}
	return out.Error()
}

// about sets model and data of the next lines.
func (w *csvWriter) about(part, data string, m *result.Model) {
	alpha := ""
	if m.Alpha != nil {
		alpha = exact(*m.Alpha)
	}
	var params []string
	for _, p := range m.Params {
		params = append(params, fmt.Sprintf("%s=%s", p.Name, exact(p.Value)))
	}
	w.fixed = []string{part, cell(data), cell(m.ID), alpha, cell(strings.Join(params, " "))}
}

// cell returns text of the user's for a cell. Spreadsheets would compute what begins like a formula, so that it gets an
// apostrophe, by which they mark text.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (w *csvWriter) tested(r *result.Result, t *result.Tested) {
	intervals := t.Intervals
	if intervals == nil {
		intervals = &result.TestIntervals{Clean: [2]result.Number{unknown, unknown}}
	}
	w.score(onClean, t.Clean, &intervals.Clean)
	for _, name := range r.Order {
		c := t.Corruptions[name]
		if c == nil {
			continue
		}
		for i, score := range c.BySeverity {
			if score != nil {
				ends := scoreInterval(score)
				w.score(place{name, fmt.Sprint(i + 1)}, score, &ends)
			}
		}
		var ends *[2]result.Number
		if i, ok := intervals.Corruptions[name]; ok {
			ends = &i
		}
		whole := place{name, ""}
		if c.Score != nil {
			w.figure(whole, "score", *c.Score, nil, "")
			continue
		}
		w.figure(whole, "exact_oa", mean(c), ends, "")
		w.figure(whole, "oa", c.OA, nil, "")
		w.figure(whole, "ce", c.CE, nil, "")
		w.figure(whole, "rce", c.RCE, nil, "")
	}
	switch {
	case t.CorruptedScore != nil:
		w.figure(onSuite, "score", *t.CorruptedScore, intervals.CorruptedScore, "")
	case len(r.Order) > 0:
		w.suite(t, intervals)
	}
}

// suite writes the figures over all corruptions, which are empty unless the suite was run whole.
func (w *csvWriter) suite(t *result.Tested, i *result.TestIntervals) {
	for _, f := range []struct {
		name  string
		value result.Number
		ends  *[2]result.Number
	}{
		{"exact_moa", t.Exact.MOA, i.MOA}, {"exact_mce", t.Exact.MCE, i.MCE}, {"exact_rmce", t.Exact.RMCE, i.RMCE},
		{"moa", t.MOA, nil}, {"mce", t.MCE, nil}, {"rmce", t.RMCE, nil}, {"error_rate", t.ErrorRate, nil},
	} {
		w.figure(onSuite, f.name, f.value, f.ends, "")
	}
	if c := t.Corrupted; c != nil {
		w.figure(onSuite, "nll", c.NLL, nil, "")
		w.figure(onSuite, "ece", c.ECE, nil, "")
		w.figure(onSuite, "brier", c.Brier, nil, "")
	}
}

func (w *csvWriter) score(at place, s *result.Score, ends *[2]result.Number) {
	n := strconv.Itoa(s.N)
	if s.Score != nil {
		w.figure(at, "score", *s.Score, ends, n)
		return
	}
	w.figure(at, "oa", s.OA, ends, n)
	w.figure(at, "macc", s.MAcc, nil, n)
	w.figure(at, "nll", s.NLL, nil, n)
	w.figure(at, "ece", s.ECE, nil, n)
	w.figure(at, "brier", s.Brier, nil, n)
}

// figure writes one line. ends may be nil.
func (w *csvWriter) figure(at place, name string, value result.Number, ends *[2]result.Number, n string) {
	low, high := "", ""
	if ends != nil {
		low, high = exactNumber(ends[0]), exactNumber(ends[1])
	}
	line := append(append([]string(nil), w.fixed...), at.corruption, at.severity, name, exactNumber(value), low, high, n)
	if err := w.Write(line); err != nil && w.err == nil {
		w.err = err
	}
}

// exact writes the shortest decimal that reads back as v.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func exactNumber(n result.Number) string {
	if !n.Known() {
		return ""
	}
	return exact(float64(n))
}
