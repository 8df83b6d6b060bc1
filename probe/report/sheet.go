package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
)

// sheet is a table of a report, as plain text that formats escape in their own way.
type sheet struct {
	ID      string // element ID in the page: "results"
	Title   string
	Head    []string
	Rows    []row
	Caption string // explanation; may be ""
	Dense   bool   // cells are long: small text in the page
}

// row is a line of a sheet. The first cell is its name.
type row struct {
	Cells  []string
	Strong bool   // the chosen model
	Role   string // "chosen", "pretrained", "finetuned" or ""
	Pareto bool   // shown in sheets with figures of clean and corrupted data
}

// modelSheet returns a sheet with a row for every model shown.
func modelSheet(r *result.Result, id, name string, columns []column) sheet {
	s := sheet{ID: id, Title: name, Head: []string{"model"}}
	for _, c := range columns {
		s.Head = append(s.Head, c.head)
	}
	models, note := shown(r)
	s.Caption = note
	for _, m := range models {
		line := row{Cells: []string{m.ID}, Strong: isChosen(r, m), Role: role(r, m)}
		for _, c := range columns {
			line.Cells = append(line.Cells, c.value(m))
		}
		s.Rows = append(s.Rows, line)
	}
	return s
}

// sheets returns the tables of a report that are not empty.
func sheets(r *result.Result) []sheet {
	if hasScores(r) {
		return scoreSheets(r)
	}
	var list []sheet
	for _, build := range []func(*result.Result) sheet{
		rowsSheet, resultsSheet, intervalsSheet, controlsSheet, severitySheet, changesSheet, largestSheet, classesSheet, confusedSheet,
		weightsSheet, comparisonsSheet, correctionsSheet, effectiveSheet, calibrationSheet, testsSheet,
	} {
		if s := build(r); len(s.Rows) > 0 && len(s.Head) > 1 {
			list = append(list, s)
		}
	}
	return append(list, transferSheets(r)...)
}

// resultsSheet has the figures of every model on the first test set.
func resultsSheet(r *result.Result) sheet {
	columns := append(validationColumns(r),
		column{"clean", func(m *result.Model) string { return percent(m.Clean.OA) }},
		column{"mAcc", func(m *result.Model) string { return percent(m.Clean.MAcc) }})
	columns = append(columns, ownColumns(r)...)
	for _, name := range r.Order {
		columns = append(columns, column{name, func(m *result.Model) string {
			return percent(corruptionOA(&m.Tested,
				name))
		}})
	}
	if len(r.Order) > 0 {
		columns = append(columns, column{"mOA", func(m *result.Model) string { return percent(m.MOA) }})
	}
	if r.Reference != nil {
		columns = append(columns,
			column{"mCE", func(m *result.Model) string { return share(m.MCE) }},
			column{"RmCE", func(m *result.Model) string { return share(m.RMCE) }})
	}
	s := modelSheet(r, "results", "Results", columns)
	s.Caption = join(s.Caption, partText(r))
	models, _ := shown(r)
	for i, m := range models {
		s.Rows[i].Pareto = len(r.Order) > 0 && isPareto(r, m)
	}
	return s
}

// corruptionOA returns the mean accuracy under a corruption: the official one, or of a part of the severities that of
// those that were run; unknown if none was.
func corruptionOA(t *result.Tested, name string) result.Number {
	c := t.Corruptions[name]
	switch {
	case c == nil:
		return unknown
	case c.OA.Known():
		return c.OA
	}
	sum, n := result.Number(0), 0
	for _, oa := range c.OABySeverity {
		if oa.Known() {
			sum, n = sum+oa, n+1
		}
	}
	return sum / result.Number(n) // NaN of none: unknown
}

// partText says which severities the figures under corruption are of, if not of all; "" otherwise.
func partText(r *result.Result) string {
	severities := r.Settings.Severities
	if len(r.Order) == 0 || len(severities) == 0 || len(severities) == metric.Severities {
		return ""
	}
	return fmt.Sprintf("corruptions: means of severity %s alone; official means are of all five", joinInts(severities))
}

// intervalsSheet has the intervals of the results.
func intervalsSheet(r *result.Result) sheet {
	if !hasIntervals(r) {
		return sheet{}
	}
	of := func(figure func(*result.TestIntervals) *[2]result.Number,
		text func(result.Number) string) func(*result.Model) string {
		return func(m *result.Model) string {
			if i := figure(m.Intervals); i != nil {
				return rangeOf(*i, text)
			}
			return "-"
		}
	}
	columns := []column{{"clean", of(func(i *result.TestIntervals) *[2]result.Number { return &i.Clean }, percent)}}
	for _, name := range r.Order {
		columns = append(columns, column{name, of(func(i *result.TestIntervals) *[2]result.Number {
			if ends, ok := i.Corruptions[name]; ok {
				return &ends
			}
			return nil
		}, percent)})
	}
	if len(r.Order) > 0 {
		columns = append(columns, column{"mOA", of(func(i *result.TestIntervals) *[2]result.Number { return i.MOA },
			percent)})
	}
	if r.Reference != nil {
		columns = append(columns,
			column{"mCE", of(func(i *result.TestIntervals) *[2]result.Number { return i.MCE }, share)},
			column{"RmCE", of(func(i *result.TestIntervals) *[2]result.Number { return i.RMCE }, share)})
	}
	s := modelSheet(r, "intervals", level(r)+" intervals", columns)
	s.Caption = join(s.Caption,
		"clean accuracy: Wilson's interval; means over the suite: by cloud, each with all its corruptions")
	return s
}

func hasIntervals(r *result.Result) bool {
	for _, m := range r.Models {
		if m.Intervals == nil {
			return false
		}
	}
	return true
}

// comparisonsSheet has the differences between every model and the one with which all are compared.
func comparisonsSheet(r *result.Result) sheet {
	if r.Statistics == nil || len(r.Statistics.Comparisons) == 0 {
		return sheet{}
	}
	s := sheet{ID: "comparisons", Title: r.Statistics.Against + " against each",
		Head: []string{"against", "clean", level(r) + " interval", "p", "p (Holm)", "mOA", level(r) + " interval",
			"p", "p (Holm)"}}
	models, note := shown(r)
	for _, m := range models {
		c := difference(r, r.Statistics.Against, m.ID)
		if c == nil {
			continue
		}
		line := row{Cells: []string{m.ID}, Role: role(r, m)}
		line.Cells = append(line.Cells, differenceCells(c.Clean)...)
		line.Cells = append(line.Cells, differenceCells(c.MOA)...)
		s.Rows = append(s.Rows, line)
	}
	s.Caption = join(note, fmt.Sprintf("points that %s has more, on the same samples; clean: McNemar's test (mid-p), "+
		"mOA: random signs by cloud; Holm: adjusted for the number of comparisons", r.Statistics.Against))
	return s
}

const correctionsTitle = "Corrected mixes against plain ones"

// correctionsSheet has the differences between mixes with corrected statistics and those that they correct.
func correctionsSheet(r *result.Result) sheet {
	if r.Statistics == nil || len(r.Statistics.Corrections) == 0 {
		return sheet{}
	}
	s := sheet{ID: "corrections", Title: correctionsTitle,
		Head: []string{"mix", "against", "clean", level(r) + " interval", "p", "p (Holm)", "mOA", level(r) + " interval", "p", "p (Holm)"},
		Caption: "points that the mix has more than the one that it corrects, on the same samples; clean: McNemar's test " +
			"(mid-p), mOA: random signs by cloud; Holm: adjusted for the number of lines"}
	for _, c := range r.Statistics.Corrections {
		line := row{Cells: []string{c.A, c.B}}
		line.Cells = append(line.Cells, differenceCells(c.Clean)...)
		line.Cells = append(line.Cells, differenceCells(c.MOA)...)
		s.Rows = append(s.Rows, line)
	}
	return s
}

func differenceCells(d *result.Difference) []string {
	if d == nil {
		return []string{"-", "-", "-", "-"}
	}
	return []string{signedPoints(d.Difference), signedRange(d.Interval), pValue(d.P), pValue(d.PHolm)}
}

// effectiveSheet has accuracies and what the baseline predicts.
func effectiveSheet(r *result.Result) sheet {
	if r.Baseline == nil {
		return sheet{}
	}
	s := modelSheet(r, "effective", "Effective robustness", []column{
		{"clean", func(m *result.Model) string { return percent(m.Clean.OA) }},
		{"mOA", func(m *result.Model) string { return percent(m.Exact.MOA) }},
		{"expected mOA", func(m *result.Model) string {
			if m.EffectiveRobustness == nil {
				return "-"
			}
			return percent(m.Exact.MOA - *m.EffectiveRobustness)
		}},
		{"effective robustness", func(m *result.Model) string {
			if m.EffectiveRobustness == nil {
				return "-"
			}
			return signedPoints(*m.EffectiveRobustness)
		}},
	})
	line := fmt.Sprintf("points of mOA above the line logit(mOA) = %.3f logit(clean) %s through %s, R² %s",
		float64(r.Baseline.Slope), signedTerm(float64(r.Baseline.Intercept)),
		strings.Join(r.Baseline.Models, ", "), share(r.Baseline.R2))
	s.Caption = join(s.Caption, line, r.Baseline.Note)
	return s
}

func signedTerm(v float64) string {
	if v < 0 {
		return fmt.Sprintf("%s %.3f", minus, -v)
	}
	return fmt.Sprintf("+ %.3f", v)
}

// calibrationSheet has the calibration figures.
func calibrationSheet(r *result.Result) sheet {
	columns := []column{
		{"NLL clean", func(m *result.Model) string { return share(m.Clean.NLL) }},
		{"ECE clean", func(m *result.Model) string { return percent(m.Clean.ECE) }},
		{"Brier clean", func(m *result.Model) string { return share(m.Clean.Brier) }},
	}
	caption := "NLL in nats, ECE in percent over 15 bins; lower is better"
	if m := r.Models[0]; m.Corrupted != nil {
		columns = append(columns,
			column{"NLL corrupted", corruptedText(func(c *result.Corrupted) string { return share(c.NLL) })},
			column{"ECE corrupted", corruptedText(func(c *result.Corrupted) string { return percent(c.ECE) })},
			column{"Brier corrupted", corruptedText(func(c *result.Corrupted) string { return share(c.Brier) })})
		caption += fmt.Sprintf("; corrupted: means over the %d cells that were run", m.Corrupted.Cells)
	}
	s := modelSheet(r, "calibration", "Calibration", columns)
	s.Caption = join(s.Caption, caption)
	return s
}

func corruptedText(text func(*result.Corrupted) string) func(*result.Model) string {
	return func(m *result.Model) string {
		if m.Corrupted == nil {
			return "-"
		}
		return text(m.Corrupted)
	}
}

// testsSheet has the main figures on the other test sets.
func testsSheet(r *result.Result) sheet {
	s := sheet{ID: "tests", Title: "Other test sets"}
	s.Head = []string{"model", "test set", "samples", "clean", level(r) + " interval"}
	if len(r.Order) > 0 {
		s.Head = append(s.Head, "mOA", level(r)+" interval")
	}
	if r.Reference != nil {
		s.Head = append(s.Head, "mCE", "RmCE")
	}
	models, note := shown(r)
	s.Caption = note
	for _, m := range models {
		for _, t := range m.MoreTests {
			s.Rows = append(s.Rows, row{Cells: testCells(r, m.ID, t), Strong: isChosen(r, m), Role: role(r, m)})
		}
	}
	return s
}

func testCells(r *result.Result, id string, t *result.Tested) []string {
	clean, moa := "-", "-"
	if t.Intervals != nil {
		clean = percentRange(t.Intervals.Clean)
		if t.Intervals.MOA != nil {
			moa = percentRange(*t.Intervals.MOA)
		}
	}
	cells := []string{id, t.Name, fmt.Sprint(t.Clean.N), percent(t.Clean.OA), clean}
	if len(r.Order) > 0 {
		cells = append(cells, percent(t.MOA), moa)
	}
	if r.Reference != nil {
		cells = append(cells, share(t.MCE), share(t.RMCE))
	}
	return cells
}

// join joins sentences that are not empty.
func join(sentences ...string) string {
	var parts []string
	for _, s := range sentences {
		if s != "" {
			parts = append(parts, strings.ToUpper(s[:1])+s[1:])
		}
	}
	return strings.Join(parts, ". ")
}
