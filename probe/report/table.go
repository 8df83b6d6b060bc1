package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wiseft/wiseft/probe/bench"
)

func init() {
	register(Format{Name: "table", Doc: "a plain text table, one line per model", Write: writeTable})
}

// column is one figure of every model.
type column struct {
	head  string
	value func(m *bench.ModelResult) string
}

// writeTable writes the models as rows: accuracies in percent, means of the suite as
// its papers print them, a dash where there is no figure, a star at the chosen model.
func writeTable(w io.Writer, r *bench.Result) error {
	columns := tableColumns(r)
	rows := [][]string{{""}}
	for _, c := range columns {
		rows[0] = append(rows[0], c.head)
	}
	for _, m := range r.Models {
		mark := ""
		if r.Chosen != nil && m.ID == r.Chosen.ID {
			mark = "*"
		}
		row := []string{mark}
		for _, c := range columns {
			row = append(row, c.value(m))
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	writeAligned(&b, rows)
	b.WriteString("\n")
	for _, note := range footnotes(r) {
		b.WriteString(note + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tableColumns(r *bench.Result) []column {
	columns := []column{{"model", func(m *bench.ModelResult) string { return m.ID }}}
	if r.Chosen != nil {
		columns[0] = column{"alpha", func(m *bench.ModelResult) string {
			if m.Alpha == nil {
				return m.ID
			}
			return fmt.Sprintf("%.4g", *m.Alpha)
		}}
	}
	columns = append(columns,
		column{"val", func(m *bench.ModelResult) string { return percent(m.Validation.OA) }},
		column{"clean", func(m *bench.ModelResult) string { return percent(m.Clean.OA) }})
	for _, name := range r.Order {
		columns = append(columns, column{shortNames.Replace(name), func(m *bench.ModelResult) string {
			return percent(m.Corruptions[name].OA)
		}})
	}
	if len(r.Order) == 0 {
		return columns
	}
	return append(columns,
		column{"mOA", func(m *bench.ModelResult) string { return percent(m.MOA) }},
		column{"mCE", func(m *bench.ModelResult) string { return share(m.MCE) }},
		column{"RmCE", func(m *bench.ModelResult) string { return share(m.RMCE) }})
}

// shortNames keeps the seven corruptions of ModelNet-C within a terminal's width.
var shortNames = strings.NewReplacer("dropout_", "drop-", "add_", "add-", "global", "g", "local", "l")

func percent(n bench.Number) string {
	if !n.Known() {
		return "-"
	}
	return fmt.Sprintf("%.1f", 100*float64(n))
}

func share(n bench.Number) string {
	if !n.Known() {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(n))
}

// writeAligned writes rows with columns as wide as their widest field, to the right
// but for the first two.
func writeAligned(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, field := range row {
			width[i] = max(width[i], utf8.RuneCountInString(field))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, field := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(field))
			switch i {
			case 0:
				line.WriteString(field + pad)
			case 1:
				line.WriteString(" " + field + pad)
			default:
				line.WriteString("  " + pad + field)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func footnotes(r *bench.Result) []string {
	notes := []string{"accuracies in percent; val: " + r.Settings.Validation}
	if r.Chosen != nil {
		notes = append(notes,
			fmt.Sprintf("* alpha %.4g, chosen by: %s; test data decided nothing", r.Chosen.Alpha, r.Chosen.Rule),
			"alpha: theta = (1 - alpha) * pretrained + alpha * finetuned")
	}
	if r.Reference != nil {
		notes = append(notes, "mCE, RmCE: errors against "+r.Reference.Name+", lower is better")
	}
	return append(notes, r.Notes...)
}
