package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge"
)

// result is what a command prints: as text, or with --json as a JSON document.
type result interface {
	writeText(w io.Writer) error
}

// printJSON prints a result as a JSON document.
func printJSON(w io.Writer, r result) error {
	if d, ok := r.(interface{ writeJSON(w io.Writer) error }); ok {
		return d.writeJSON(w)
	}
	return text.WriteJSON(w, r)
}

// nothing is the result of a command that has written its output to standard output.
type nothing struct{}

func (nothing) writeText(io.Writer) error { return nil }

// form is how the results of one type are printed: their schema, the first field of the JSON document, and their text.
type form[T any] struct {
	schema string
	text   func(w io.Writer, r *T) error
}

// result returns the printable form of what a library call returns.
func (f form[T]) result(r *T, err error) (result, error) {
	if err != nil {
		return nil, err
	}
	return document[T]{f, r}, nil
}

// failed prints what a library call returns although it has not done what was asked for; err says so, and decides the
// exit code. With --json the document is the only one.
func (f form[T]) failed(c *call, r *T, err error) (result, error) {
	if c.asJSON {
		return nil, errors.Join(document[T]{f, r}.writeJSON(c.out), reportedError{err})
	}
	return nil, errors.Join(printText(c.out, func(w io.Writer) error { return f.text(w, r) }), err)
}

// printText prints what write writes, with what is not visible in it escaped: names from files are in it.
func printText(out io.Writer, write func(io.Writer) error) error {
	buffered := bufio.NewWriter(out)
	return errors.Join(write(text.VisibleWriter(buffered)), buffered.Flush())
}

type document[T any] struct {
	form[T]
	body *T
}

func (d document[T]) writeText(w io.Writer) error { return d.text(w, d.body) }

// writeJSON writes the schema in front of the fields of the body, which is a struct with one field at least.
func (d document[T]) writeJSON(w io.Writer) error {
	return text.WriteJSON(&headed{w: w, head: fmt.Sprintf("{\n  \"schema\": %q,", d.schema)}, d.body)
}

// headed writes a document with head in place of its first byte.
type headed struct {
	w    io.Writer
	head string // "" once it is written
}

func (h *headed) Write(p []byte) (int, error) {
	if h.head == "" || len(p) == 0 {
		return h.w.Write(p)
	}
	if _, err := io.WriteString(h.w, h.head); err != nil {
		return 0, err
	}
	h.head = ""
	n, err := h.w.Write(p[1:])
	return n + 1, err
}

// newTable returns a writer that aligns columns separated by tabs.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// writeWarnings writes one line for each warning.
func writeWarnings(w io.Writer, warnings []string) {
	for _, warning := range warnings {
		fmt.Fprintln(w, "warning: "+warning)
	}
}

// writeDataFiles lists the files beside a model.
func writeDataFiles(w io.Writer, files []onnxmerge.DataFile) {
	for _, f := range files {
		fmt.Fprintf(w, "%s: %s bytes, xxh3_128 %s\n", f.File, humanize.Comma(f.Bytes), f.XXH3)
	}
}
