package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// rowsCaption explains the names of rows.
const rowsCaption = "PT: the pre-trained backbone; FT: the fine-tuned model; LP-only: a head on the pre-trained backbone; " +
	"WiSE-FT: the mix with the fine-tuned model's own head; WiSE-FT-LP: the mix with a head fitted to its features. " +
	"std and repaired mix running statistics otherwise than published. From FT: points, paired"

// rowFigure is a column of the table of rows on a transfer set.
type rowFigure struct {
	set  *result.TransferSet
	task result.TransferTask
}

// rowFigures lists the transfer tasks, those of data that has none left out.
func rowFigures(r *result.Result) (list []rowFigure) {
	for _, set := range r.Settings.Transfers {
		for _, task := range set.Tasks {
			if f := r.Models[0].Transfer[set.Name].Figure(task); f != nil {
				list = append(list, rowFigure{set, task})
			}
		}
	}
	return list
}

// head names the column; with several sets it has the set's number.
func (f rowFigure) head(r *result.Result) string {
	if sets := r.Settings.Transfers; len(sets) > 1 {
		for i, set := range sets {
			if set == f.set {
				return fmt.Sprintf("%d: %s", i+1, f.task.Head)
			}
		}
	}
	return f.task.Head
}

// transferOf returns the transfer figures of a row's model or control; nil for averaged answers.
func transferOf(r *result.Result, row *result.Row) map[string]result.Transferred {
	for _, m := range r.Models {
		if m.ID == row.Model {
			return m.Transfer
		}
	}
	for _, c := range r.Controls {
		if c.ID == row.Model {
			return c.Transfer
		}
	}
	return nil
}

// rowTable returns the table as text: its head, and a line for every row.
func rowTable(r *result.Result) (head []string, lines [][]string) {
	head = []string{"row", "alpha", "merged", "clean", level(r) + " interval", "from FT", "p (Holm)"}
	if len(r.Order) > 0 {
		head = append(head, "mOA", "from FT", "p (Holm)", "mCE")
	}
	figures := rowFigures(r)
	for _, f := range figures {
		head = append(head, f.head(r))
	}
	for _, row := range r.Rows {
		alpha := "-"
		if row.Alpha != nil {
			alpha = fmt.Sprintf("%.4g", *row.Alpha)
		}
		merged := "-"
		if row.Merged > 0 {
			merged = fmt.Sprint(row.Merged)
		}
		line := []string{row.Name, alpha, merged, percent(row.Clean), percentRange(row.Interval)}
		line = append(line, fromText(row.CleanDifference)...)
		if len(r.Order) > 0 {
			line = append(append(append(line, percent(row.MOA)), fromText(row.MOADifference)...), share(row.MCE))
		}
		for _, f := range figures {
			line = append(line, transferText(transferOf(r, row)[f.set.Name].Figure(f.task)))
		}
		lines = append(lines, line)
	}
	return head, lines
}

// fromText writes a difference and its p-value.
func fromText(d *result.Difference) []string {
	if d == nil {
		return []string{"-", "-"}
	}
	return []string{signedPoints(d.Difference), pValue(d.PHolm)}
}

// rowsSheet has the rows that WiSE-FT-LP is judged by.
func rowsSheet(r *result.Result) sheet {
	s := sheet{ID: "rows", Title: "PT, FT, WiSE-FT and WiSE-FT-LP", Caption: join(rowsCaption, setsText(r))}
	head, lines := rowTable(r)
	s.Head = head
	for i, line := range lines {
		s.Rows = append(s.Rows, row{Cells: line, Strong: strings.HasPrefix(r.Rows[i].Name, "WiSE-FT-LP")})
	}
	return s
}

// setsText names the transfer sets by the numbers of their columns.
func setsText(r *result.Result) string {
	var parts []string
	for i, set := range r.Settings.Transfers {
		parts = append(parts, fmt.Sprintf("%d: %s", i+1, set.Name))
	}
	if len(parts) == 0 {
		return ""
	}
	return "transfer sets " + strings.Join(parts, ", ")
}

// writeRows writes the rows in a text table, if something beside the mixes themselves was measured.
func writeRows(b *strings.Builder, r *result.Result) {
	if len(r.Rows) == 0 || len(r.Settings.Transfers) == 0 && len(r.Settings.Probes) == 0 {
		return
	}
	head, lines := rowTable(r)
	table := [][]string{append([]string{""}, head...)}
	for _, line := range lines {
		table = append(table, append([]string{""}, line...))
	}
	b.WriteString("\n")
	writeAligned(b, table)
	b.WriteString(rowsCaption + "\n")
	if text := setsText(r); len(r.Settings.Transfers) > 1 {
		b.WriteString(text + "\n")
	}
}

// rows writes the lines of the table of rows, part "row": the model is the row's name.
func (w *csvWriter) rows(r *result.Result) {
	for _, row := range r.Rows {
		alpha := ""
		if row.Alpha != nil {
			alpha = exact(*row.Alpha)
		}
		w.fixed = []string{"row", cell(r.Models[0].Name), cell(row.Name), alpha, ""}
		w.figure(onClean, "oa", row.Clean, &row.Interval, "")
		w.figure(onSuite, "moa", row.MOA, row.MOARange, "")
		w.figure(onSuite, "mce", row.MCE, nil, "")
		if d := row.CleanDifference; d != nil {
			w.figure(onClean, "difference from FT", d.Difference, &d.Interval, "")
		}
		if d := row.MOADifference; d != nil {
			w.figure(onSuite, "difference from FT", d.Difference, &d.Interval, "")
		}
	}
}
