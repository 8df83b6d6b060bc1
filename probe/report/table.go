package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func init() {
	register(Format{Name: "table", Doc: "a plain text table, one line per model", Files: []string{"*.txt"}, Write: writeTable})
}

// column is one figure of every model.
type column struct {
	head  string
	value func(m *result.Model) string
}

// writeTable writes the models as rows: accuracies in percent, means of the suite as its papers print them, a dash
// for an unknown figure, a star at the chosen model.
func writeTable(w io.Writer, r *result.Result) error {
	var b strings.Builder
	if hasScores(r) {
		writeModels(&b, r, append(nameColumns(r), scoreColumns(r)...))
	} else {
		writeModels(&b, r, tableColumns(r))
		writeTransfers(&b, r)
		writeRows(&b, r)
	}
	b.WriteString("\n")
	for _, note := range footnotes(r) {
		b.WriteString(note + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeModels writes a table with a row for every model.
func writeModels(b *strings.Builder, r *result.Result, columns []column) {
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
	writeAligned(b, rows)
}

func tableColumns(r *result.Result) []column {
	columns := append(nameColumns(r), validationColumns(r)...)
	columns = append(columns, column{"clean", func(m *result.Model) string { return percent(m.Clean.OA) }})
	columns = append(columns, ownColumns(r)...)
	for _, name := range r.Order {
		columns = append(columns, column{shortNames.Replace(name), func(m *result.Model) string {
			return percent(corruptionOA(&m.Tested, name))
		}})
	}
	if len(r.Order) == 0 {
		return columns
	}
	return append(columns,
		column{"mOA", func(m *result.Model) string { return percent(m.MOA) }},
		column{"mCE", func(m *result.Model) string { return share(m.MCE) }},
		column{"RmCE", func(m *result.Model) string { return share(m.RMCE) }})
}

// nameColumns returns the columns that distinguish the models: parameters of mixes, names of others.
func nameColumns(r *result.Result) []column {
	if r.Chosen == nil {
		return []column{{"model", func(m *result.Model) string { return m.ID }}}
	}
	var columns []column
	for i, p := range r.Chosen.Params {
		columns = append(columns, column{p.Name, func(m *result.Model) string {
			if len(m.Params) <= i {
				return m.ID
			}
			return fmt.Sprintf("%.4g", m.Params[i].Value)
		}})
	}
	if hasSiblings(r) {
		columns = append(columns, column{"statistics", func(m *result.Model) string {
			switch {
			case m.Repaired:
				return "repaired"
			case m.Statistics != "":
				return m.Statistics
			}
			return "mixed"
		}})
	}
	return columns
}

// validationColumns returns a column for the clean accuracy on every validation set, and one for that under corruption.
func validationColumns(r *result.Result) []column {
	if !hasValidation(r) {
		return nil
	}
	columns := []column{{"val", func(m *result.Model) string { return percent(m.Validation.OA) }}}
	if len(r.Settings.MoreVals) > 0 {
		columns[0].head += " 1"
	}
	for i := range r.Settings.MoreVals {
		columns = append(columns, column{fmt.Sprintf("val %d", i+2), func(m *result.Model) string {
			if i >= len(m.MoreValidation) {
				return "-"
			}
			return percent(m.MoreValidation[i].OA)
		}})
	}
	if !slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.ValidationRobustness == nil }) {
		columns = append(columns, column{"val mOA", func(m *result.Model) string { return percent(*m.ValidationRobustness) }})
	}
	return columns
}

// ownColumns returns columns for the models' own heads; none if they were not scored.
func ownColumns(r *result.Result) []column {
	if !hasOwnHeads(r) {
		return nil
	}
	columns := []column{{"own", func(m *result.Model) string { return percent(m.OwnHead.Clean.OA) }}}
	if slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.OwnHead.MOA.Known() }) {
		columns = append(columns, column{"own mOA", func(m *result.Model) string { return percent(m.OwnHead.MOA) }})
	}
	return columns
}

// hasOwnHeads reports whether the models' own heads were scored beside the probes.
func hasOwnHeads(r *result.Result) bool {
	return !slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.OwnHead == nil || m.OwnHead.Clean == nil })
}

// barrierText describes the path of the own heads; "" without a barrier.
func barrierText(r *result.Result) string {
	b := r.Barrier
	if b == nil {
		return ""
	}
	return b.String()
}

// hasValidation reports whether the models have validation figures.
func hasValidation(r *result.Result) bool {
	return !slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.Validation == nil })
}

// shortNames abbreviates the seven corruptions of ModelNet-C, so that a table fits a terminal.
var shortNames = strings.NewReplacer("dropout_", "drop-", "add_", "add-", "global", "g", "local", "l")

func percent(n result.Number) string {
	if !n.Known() {
		return "-"
	}
	return fmt.Sprintf("%.1f", 100*float64(n))
}

func share(n result.Number) string {
	if !n.Known() {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(n))
}

// writeAligned writes rows with columns as wide as their widest field, aligned to the right except the first two.
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

func footnotes(r *result.Result) []string {
	if hasScores(r) {
		return scoreFootnotes(r)
	}
	line := "accuracies in percent"
	if hasValidation(r) {
		line += "; val: " + r.Settings.Validation
		if severities := r.Settings.Choose.Severities; severities != nil {
			line += fmt.Sprintf("; val mOA: under corruption of severity %s", joinInts(severities))
		}
	}
	notes := []string{line}
	if c := r.Chosen; c != nil {
		notes = append(notes, "* "+paramText(c.Params)+siblingText(c.Repaired, c.Statistics)+chosenText(c))
		if alike := alikeText(r); alike != "" {
			notes = append(notes, alike)
		}
		if c.Command != "" {
			notes = append(notes, "this model as a file: "+c.Command)
		}
		if c.Alpha != nil {
			notes = append(notes, "alpha: theta = (1 - alpha) * pretrained + alpha * finetuned")
		}
	}
	if part := partText(r); part != "" {
		notes = append(notes, part)
	}
	if hasOwnHeads(r) {
		notes = append(notes, "own: the merged model's own head, without a probe (WiSE-FT); the other columns: its probe (WiSE-FT-LP)")
	}
	if text := barrierText(r); text != "" {
		notes = append(notes, text)
	}
	for _, text := range []string{lossBarrierText(r.Landscape), controlText(r), floorText(r)} {
		if text != "" {
			notes = append(notes, text)
		}
	}
	if r.Reference != nil {
		notes = append(notes, "mCE, RmCE: errors against "+r.Reference.Name+", lower is better")
	}
	return append(notes, r.Notes...)
}

// chosenText says why a mix is marked: ", chosen by: …", or that it was not chosen.
func chosenText(c *result.Chosen) string {
	switch {
	case c.ByConvention():
		return " is the default, " + c.Rule + "; " + c.Reason
	case c.OnTest:
		return ", chosen by: " + c.Rule + "; TEST DATA DECIDED"
	}
	return ", chosen by: " + c.Rule + "; test data decided nothing"
}

// alikeText names the mixes that the data of the choice cannot tell from the chosen one; "" if no data chose.
func alikeText(r *result.Result) string {
	c := r.Chosen
	data := "validation data"
	switch {
	case c == nil || c.RuleName == "" || c.ByConvention(): // earlier versions did not name the rule
		return ""
	case c.OnTest:
		data = "test data"
	}
	if len(c.Indistinguishable) == 0 {
		return data + " tells all others from it"
	}
	var list []string
	for _, m := range r.Models {
		if slices.Contains(c.Indistinguishable, m.ID) {
			list = append(list, label(m))
		}
	}
	list, every := every(list, maxRows)
	text := data + " cannot tell it from " + strings.Join(list, ", ")
	if every > 1 {
		text += fmt.Sprintf(" (every %s is named)", ordinal(every))
	}
	return text
}

func joinInts(list []int) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, fmt.Sprint(v))
	}
	return strings.Join(parts, ", ")
}

// paramText writes "alpha 0.5, density 0.1".
func paramText(params []result.Param) string {
	var parts []string
	for _, p := range params {
		parts = append(parts, fmt.Sprintf("%s %.4g", p.Name, p.Value))
	}
	return strings.Join(parts, ", ")
}
