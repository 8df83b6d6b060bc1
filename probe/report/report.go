// Package report writes the result of a benchmark for people and for programs.
//
// A [Format] is one file that registers itself: "table" for the terminal, "json" for
// scripts, "csv" for spreadsheets, "markdown" for papers and issues, "html" for a page
// that stands alone, "svg" and "png" for the curve of target accuracy against robustness.
// A [Plot] is one picture, by name. All take the [result.Result] alone, which [Read] reads
// back, so that a report can be made of a stored result at any time, and equal results
// give equal reports.
//
// Of more than forty models, tables for people show the chosen one, the ends, the Pareto
// set and every k-th, and say so; JSON, CSV and plots have all. Results must have what
// Read asks for; those of [bench.Run] do.
package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// Format is a way to write a result.
type Format struct {
	Name  string
	Doc   string // one line
	Write func(w io.Writer, r *result.Result) error
}

var formats = map[string]Format{}

func register(f Format) {
	if f.Name == "" || f.Doc == "" || f.Write == nil {
		panic("report: format is half filled")
	}
	if _, ok := formats[f.Name]; ok {
		panic("report: format is registered twice")
	}
	formats[f.Name] = f
}

// Lookup returns a format by name.
func Lookup(name string) (Format, bool) {
	f, ok := formats[name]
	return f, ok
}

// Names returns the names of all formats, sorted.
func Names() []string { return slices.Sorted(maps.Keys(formats)) }

// Write writes r in the format of that name.
func Write(w io.Writer, name string, r *result.Result) error {
	f, ok := Lookup(name)
	if !ok {
		return fmt.Errorf("unknown report format %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return f.Write(w, r)
}
