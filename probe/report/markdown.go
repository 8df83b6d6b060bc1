package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func init() {
	register(Format{Name: "markdown", Doc: "tables for a paper or an issue", Files: []string{"*.md"}, Write: writeMarkdown})
}

// markdownEscapes escapes the characters with a meaning in GitHub's Markdown.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "~", `\~`,
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "\r\n", " ", "\n", " ", "\r", " ")

func markdownText(s string) string { return markdownEscapes.Replace(s) }

func writeMarkdown(w io.Writer, r *result.Result) error {
	var b strings.Builder
	v := newVerdict(r)
	fmt.Fprintf(&b, "# %s\n\n", markdownText(title(r)))
	fmt.Fprintf(&b, "**%s.** %s\n", markdownText(v.Headline), markdownText(strings.Join(v.Sentences, " ")))
	if len(r.Notes) > 0 {
		b.WriteString("\n")
		for _, note := range r.Notes {
			fmt.Fprintf(&b, "- %s\n", markdownText(note))
		}
	}
	all := sheets(r)
	all = append(all, readingSheet(r), modelsSheet(r), dataSheet(r), settingsSheet(r))
	if journal := journalSheet(r); len(journal.Rows) > 0 {
		all = append(all, journal)
	}
	for _, s := range all {
		writeMarkdownSheet(&b, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMarkdownSheet writes a table with aligned columns, words to the left, figures to the right.
func writeMarkdownSheet(b *strings.Builder, s sheet) {
	fmt.Fprintf(b, "\n## %s\n\n", markdownText(s.Title))
	rows := [][]string{s.Head, make([]string, len(s.Head))}
	for i := range s.Head {
		rows[1][i] = "---:"
		if i == 0 || isText(s, i) {
			rows[1][i] = ":---"
		}
	}
	for _, line := range s.Rows {
		rows = append(rows, markdownRow(line))
	}
	for i, fields := range rows {
		if i == 0 {
			fields = markdownRow(row{Cells: fields})
		}
		b.WriteString("| " + strings.Join(fields, " | ") + " |\n")
	}
	if s.Caption != "" {
		fmt.Fprintf(b, "\n%s.\n", markdownText(s.Caption))
	}
}

func markdownRow(line row) []string {
	fields := make([]string, len(line.Cells))
	for i, cell := range line.Cells {
		fields[i] = markdownText(cell)
		if i == 0 && line.Role != "" {
			fields[i] += " (" + line.Role + ")"
		}
		if line.Strong {
			fields[i] = "**" + fields[i] + "**"
		}
	}
	return fields
}

// isText reports whether any cell of a column is a word.
func isText(s sheet, column int) bool {
	for _, line := range s.Rows {
		cell := line.Cells[column]
		if cell != "" && strings.Trim(cell, "0123456789.+-−–<to ") != "" {
			return true
		}
	}
	return false
}
