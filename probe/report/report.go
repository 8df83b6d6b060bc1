// Package report writes the result of a benchmark in formats for people and programs.
//
// A [Format] is one file that registers itself: "table" for the terminal, "json" for scripts, "csv" for spreadsheets,
// "markdown" and "latex" for papers and issues, "html" for a self-contained page, "card" and "eval-results" for a model
// hub, "tensorboard" and "robustbench" for other tools, "svg" and "png" for the curve of target accuracy against
// robustness. A [Plot] is one picture, by name. Both are functions of the [result.Result] alone,
// which [Read] reads, so that a report can be made of a stored result at any time, and equal results give equal
// bytes. Two of its fields are no part of the stored result and may be set by who reads it: Samples, whose key the result
// has, for pictures, and Journal, by which a page and Markdown say how the run was made.
//
// Tables are built once, as text (sheet), and every format escapes them in its own way. Plots are drawn by gonum,
// once for files and once for the page, where their colours become variables of its style sheet, so that one drawing
// is used for light, dark and print; marks have titles with their figures. Heat maps are coloured tables, confusion matrices
// drawings of their own. Clouds turn, except in print and where no motion is wanted. The page has no script, so that its
// tables have one order; the format "explore" is a second page, with a script that its policy allows by its hash.
//
// Of more than forty models, tables show the chosen one, the ends, the Pareto set and every k-th, with a note; JSON,
// CSV and plots have all.
package report

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/registry"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// Format is a way to write a result.
type Format struct {
	Name string
	Doc  string // one line
	// Files are patterns of the names of its files, as [filepath.Match] reads them; nil if a name does not determine it.
	Files []string
	// NeedsName is set if the programs that read the format find its files by Files.
	NeedsName bool
	Binary    bool // not text
	Write     func(w io.Writer, r *result.Result) error
}

var formats = registry.New[Format]("report format")

func register(f Format) {
	if f.Doc == "" || f.Write == nil {
		panic("report: a format without a text or a function")
	}
	formats.Register(f.Name, f)
}

// Lookup returns the format of a name, or a [*registry.UnknownError].
func Lookup(name string) (Format, error) { return formats.Lookup(name) }

// OfFile returns the format of a file's name; false if none has it.
func OfFile(name string) (Format, bool) {
	for _, f := range formats.All() {
		if f.HasName(name) {
			return f, true
		}
	}
	return Format{}, false
}

// HasName reports whether a file's name, without its folders, is one of the format.
func (f Format) HasName(name string) bool {
	return slices.ContainsFunc(f.Files, func(pattern string) bool {
		ok, err := filepath.Match(pattern, strings.ToLower(name))
		return ok && err == nil
	})
}

// Names returns the names of all formats, sorted.
func Names() []string { return formats.Names() }

// Write writes r in the format of that name.
func Write(w io.Writer, name string, r *result.Result) error {
	f, err := Lookup(name)
	if err != nil {
		return err
	}
	if err := checkScores(name, r); err != nil {
		return err
	}
	return f.Write(w, r)
}
