package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/wiseft/wiseft/datasets"
)

func (r *corruptReport) writeText(w io.Writer) error {
	var size int64
	for _, f := range r.Files {
		size += f.Bytes
	}
	_, err := fmt.Fprintf(w, "%s: %d files of %d clouds, %s, self-made (%s, rng %s, seed %d) in %.1f s\n",
		r.Output, len(r.Files), r.N, humanize.IBytes(uint64(size)), r.Suite, r.RNG, r.Seed, r.Seconds)
	return err
}

// writeSuiteNotes leaves what a reader of the folder must know: for people and for
// programs.
func writeSuiteNotes(dir string, r *corruptReport) error {
	_, _, err := writeOutput(filepath.Join(dir, datasets.SuiteFile), func(w io.Writer) error { return writeJSON(w, r) })
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(suiteReadme(r)), 0o666)
}

func suiteReadme(r *corruptReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, self-made\n\n", r.Suite)
	fmt.Fprintf(&b, "Made with wiseft %s from `%s` (%d clouds, SHA-256 %s).\n", r.Wiseft, r.Data.Name, r.N, r.SHA256)
	b.WriteString("**These are not the published files**: figures measured on them are not comparable with published ones.\n\n")
	fmt.Fprintf(&b, "- generator: %s, seed %d", r.RNG, r.Seed)
	if r.Stream != "" {
		fmt.Fprintf(&b, ", stream %s", r.Stream)
	}
	b.WriteString("\n")
	for _, line := range r.Data.History {
		fmt.Fprintf(&b, "- before: %s\n", line)
	}
	for _, name := range r.LeftOut {
		fmt.Fprintf(&b, "- left out: %s, which has no reference stream\n", name)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	b.WriteString("\n| file | corruption | severity | points | SHA-256 |\n|---|---|---|---|---|\n")
	for _, f := range r.Files {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s |\n", f.Name, f.Corruption, f.Severity, f.Points, f.SHA256)
	}
	return b.String()
}
