package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// WriteExperiment writes the joined tables of an experiment as text: for each group its rows, and its mixes.
func WriteExperiment(w io.Writer, e *result.Experiment) error {
	var b strings.Builder
	for _, group := range e.Groups() {
		writeGroup(&b, e, group)
	}
	fmt.Fprintf(&b, "%s\naccuracies in percent\nexperiment sha256 %s\n", rowsCaption, e.SHA256)
	for _, run := range e.Runs {
		fmt.Fprintf(&b, "%s (%s): %s\n", run.Name, run.Folder, runChoice(run))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// runChoice says which mix of a sweep was chosen, and by which rule.
func runChoice(run result.ExperimentRun) string {
	if run.Chosen == nil {
		return "nothing chosen"
	}
	return paramText(run.Chosen.Params) + siblingText(run.Chosen.Repaired, run.Chosen.Statistics) + ", " + run.Chosen.Rule
}

// joinedSheet is a table of a group.
type joinedSheet struct {
	name  string // "OBJ_BG: rows"
	lines [][]string
}

// joinedTables returns the tables of all groups: rows, and mixes.
func joinedTables(e *result.Experiment) (list []joinedSheet) {
	for _, group := range e.Groups() {
		for _, t := range tablesOf(e, group) {
			name := map[string]string{"row": "Rows", "mix": "Mixes"}[t.title]
			lines := joinedTable(t.title, t.rows)
			for i := range lines {
				lines[i] = lines[i][1:] // without the indent of text
			}
			list = append(list, joinedSheet{strings.Join(nonEmpty(group, name), ": "), lines})
		}
	}
	return list
}

// joinedRows are the lines of a table under its title.
type joinedRows struct {
	title string
	rows  []*result.JoinedRow
}

// tablesOf returns what is in the tables of a group that are not empty.
func tablesOf(e *result.Experiment, group string) []joinedRows {
	of := func(rows []*result.JoinedRow) []*result.JoinedRow {
		return slices.DeleteFunc(slices.Clone(rows), func(r *result.JoinedRow) bool { return r.Group != group })
	}
	list := []joinedRows{{"row", of(e.Rows)}, {"mix", of(e.Models)}}
	return slices.DeleteFunc(list, func(t joinedRows) bool { return len(t.rows) == 0 })
}

// writeGroup writes the tables of one group, and over how many sweeps they are.
func writeGroup(b *strings.Builder, e *result.Experiment, group string) {
	runs := 0
	for _, run := range e.Runs {
		if run.Group == group {
			runs++
		}
	}
	var title []string
	if group != "" {
		title = append(title, group)
	}
	if runs > 1 {
		title = append(title, "mean ± standard deviation over "+text.Count(runs, "sweep"))
	}
	if len(title) > 0 {
		b.WriteString(strings.Join(title, ": ") + "\n")
	}
	for _, table := range tablesOf(e, group) {
		writeAligned(b, joinedTable(table.title, table.rows))
		b.WriteString("\n")
	}
}

// joinedTable returns the lines of a table, with a column for every figure that a row has.
func joinedTable(title string, rows []*result.JoinedRow) [][]string {
	var names []string
	for _, name := range []string{"clean", "own head", "moa", "mce"} {
		if slices.ContainsFunc(rows, func(r *result.JoinedRow) bool { return r.Figure(name) != nil }) {
			names = append(names, name)
		}
	}
	for _, r := range rows {
		for _, f := range r.Figures {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	lines := [][]string{append([]string{"", title, "alpha"}, names...)}
	for _, r := range rows {
		line := []string{"", r.Name, alphasText(r.Alphas)}
		for _, name := range names {
			line = append(line, joinedText(name, r.Figure(name)))
		}
		lines = append(lines, line)
	}
	return lines
}

// alphasText writes the alphas of the runs: one if all have the same.
func alphasText(alphas []float64) string {
	list := slices.Compact(slices.Sorted(slices.Values(alphas)))
	var parts []string
	for _, a := range list {
		parts = append(parts, fmt.Sprintf("%.4g", a))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ",")
}

// joinedText writes mean and deviation: shares in percent, mCE as it is.
func joinedText(name string, f *result.JoinedFigure) string {
	write := percent
	if name == "mce" {
		write = share
	}
	switch {
	case f == nil:
		return "-"
	case f.Std.Known():
		return write(result.Number(f.Mean)) + "±" + write(f.Std)
	}
	return write(result.Number(f.Mean))
}
