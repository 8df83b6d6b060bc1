package wiseft_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/bench/result"
)

func TestReport(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	score := &result.Score{OA: 0.5, N: 2}
	r := &result.Result{Schema: "wiseft.bench/1", Statistics: &result.Statistics{},
		Models: []*result.Model{{ID: "a", Tested: result.Tested{Name: "test.npz", Clean: score}}}}
	if err := wiseft.WriteRun(run, r); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ out, file string }{
		{"", "table.txt"}, {"a.csv", "results.csv"}, {"a.HTM", "report.html"},
	} {
		if tt.out != "" {
			tt.out = filepath.Join(run, tt.out)
		}
		made, err := wiseft.Report(tt.out, run, wiseft.ReportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := made.Text
		if tt.out != "" {
			file, err := os.ReadFile(tt.out)
			if err != nil || made.Bytes != int64(len(file)) {
				t.Errorf("%s: %d bytes (%v), want %d", tt.out, len(file), err, made.Bytes)
			}
			got = string(file)
		}
		if want, err := os.ReadFile(filepath.Join(run, tt.file)); err != nil || got != string(want) {
			t.Errorf("%q differs from %s (%v)", tt.out, tt.file, err)
		}
	}
	type options = wiseft.ReportOptions
	for name, tt := range map[string]struct {
		out  string
		opt  options
		want wiseft.Kind
		text string
	}{
		"missing figures":    {"", options{Plot: "heatmap"}, wiseft.Input, `there is no plot "heatmap"`},
		"unknown extension":  {"a.pdf", options{}, wiseft.Usage, `the extension ".pdf" names no format`},
		"unknown format":     {"", options{Format: "pdf"}, wiseft.Usage, `there is no format "pdf"`},
		"unknown plot":       {"", options{Plot: "pie"}, wiseft.Usage, `there is no plot "pie"`},
		"a plot as a table":  {"", options{Plot: "alpha", Format: "csv"}, wiseft.Usage, "draws svg or png, not csv"},
		"png without a file": {"", options{Format: "png"}, wiseft.Usage, "png is not text"},
		"the input":          {filepath.Join(run, "result.json"), options{Force: true}, wiseft.Usage, "is the input"},
	} {
		_, err := wiseft.Report(tt.out, run, tt.opt)
		if wiseft.KindOf(err) != tt.want || err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want an error of kind %s with %q", name, err, tt.want, tt.text)
		}
	}
}
