package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func init() {
	register(Format{Name: "latex", Doc: "tables for a paper, with the package booktabs", Files: []string{"*.tex"},
		Write: writeLaTeX})
}

// latexEscapes escapes the characters with a meaning in LaTeX, and those that its fonts lack. At the begin of a row, a
// bracket or an asterisk would be read as an argument of the line break before it.
var latexEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "$", `\$`, "&", `\&`, "#", `\#`, "%", `\%`, "_", `\_`,
	"^", `\textasciicircum{}`, "~", `\textasciitilde{}`, "<", `\textless{}`, ">", `\textgreater{}`, "|", `\textbar{}`,
	`"`, `\textquotedbl{}`, "`", `\textasciigrave{}`, "[", "{[}", "*", "{*}", minus, "$-$", "±", `$\pm$`,
	"²", `\textsuperscript{2}`)

func latexText(s string) string {
	s = latexEscapes.Replace(printable(spaced(s)))
	for range 2 { // a run of hyphens has overlapping pairs; each pair would become a dash
		s = strings.ReplaceAll(s, "--", "-{}-")
	}
	return strings.ReplaceAll(s, "–", "--")
}

// spaced replaces line breaks and tabs by spaces.
func spaced(s string) string { return strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(s) }

// writeLaTeX writes every table as a float of its own. The tables are those of "markdown" without the explanations and
// hashes.
func writeLaTeX(w io.Writer, r *result.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%% %s. Needs \\usepackage{booktabs,graphicx} and \\usepackage[T1]{fontenc}.\n", latexText(title(r)))
	b.WriteString("% Tables that are wider than a line are made smaller; \\begin{table*} gives them both columns of a page.\n")
	for _, s := range sheets(r) {
		writeLaTeXSheet(&b, r, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// A table between these is made as wide as a line, if it is wider.
const (
	latexFit    = `\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%` + "\n"
	latexFitEnd = "}\n"
)

// writeLaTeXSheet writes a table: words to the left, figures to the right.
func writeLaTeXSheet(b *strings.Builder, r *result.Result, s sheet) {
	caption := s.Title
	if s.ID == "results" {
		caption = title(r)
	}
	columns := "l"
	for i := range s.Head[1:] {
		if isText(s, i+1) {
			columns += "l"
		} else {
			columns += "r"
		}
	}
	fmt.Fprintf(b, "\n\\begin{table}\n\\centering\n\\caption{%s.}\n\\label{tab:%s}\n%s\\begin{tabular}{%s}\n\\toprule\n",
		latexText(join(append([]string{caption, s.Caption}, latexNotes(r, s)...)...)), s.ID, latexFit, columns)
	b.WriteString(latexRow(row{Cells: s.Head}) + "\\midrule\n")
	for _, line := range s.Rows {
		b.WriteString(latexRow(line))
	}
	b.WriteString("\\bottomrule\n\\end{tabular}%\n" + latexFitEnd + "\\end{table}\n")
}

// latexNotes are the limits of the figures, which belong to the table of results.
func latexNotes(r *result.Result, s sheet) []string {
	if s.ID != "results" {
		return nil
	}
	return r.Notes
}

func latexRow(line row) string {
	fields := make([]string, len(line.Cells))
	for i, cell := range line.Cells {
		fields[i] = latexText(cell)
		if i == 0 && line.Role != "" {
			fields[i] += " (" + line.Role + ")"
		}
		if line.Strong {
			fields[i] = `\textbf{` + fields[i] + "}"
		}
	}
	return strings.Join(fields, " & ") + " \\\\\n"
}
