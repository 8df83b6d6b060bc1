package report

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// scoreFormats are the formats of results whose figures are scores of the user's own; all others are of accuracies.
var scoreFormats = []string{"table", "json", "csv", "markdown", "latex", "html", "svg", "png"}

// hasScores reports whether the figures of a result are scores of the user's own.
func hasScores(r *result.Result) bool { return r.Settings.Score != nil }

// checkScores returns an error if a format has no place for the scores of a result.
func checkScores(format string, r *result.Result) error {
	if !hasScores(r) || slices.Contains(scoreFormats, format) {
		return nil
	}
	return fault.Usagef("the report %s is of accuracies, and the figures of this result are scores by %q", format,
		r.Settings.Score.Command).WithHint("choose table, json, csv, markdown, latex or html")
}

// scoreText writes a score with six significant digits.
func scoreText(n *result.Number) string {
	if n == nil || !n.Known() {
		return "-"
	}
	return strconv.FormatFloat(float64(*n), 'g', 6, 64)
}

// number is scoreText of a value.
func number(n result.Number) string { return scoreText(&n) }

// scoreColumns returns the figures of results with scores.
func scoreColumns(r *result.Result) []column {
	var columns []column
	if hasValidation(r) {
		columns = append(columns, column{"val", func(m *result.Model) string { return scoreText(m.Validation.Score) }})
		for i := range r.Settings.MoreVals {
			columns = append(columns, column{fmt.Sprintf("val %d", i+2), func(m *result.Model) string {
				if i >= len(m.MoreValidation) {
					return "-"
				}
				return scoreText(m.MoreValidation[i].Score)
			}})
		}
		if r.Models[0].ValidationRobustness != nil {
			columns = append(columns, column{"val corrupted",
				func(m *result.Model) string { return scoreText(m.ValidationRobustness) }})
		}
	}
	columns = append(columns, column{"clean", func(m *result.Model) string { return scoreText(m.Clean.Score) }})
	for _, name := range r.Order {
		columns = append(columns, column{name, func(m *result.Model) string {
			if c := m.Corruptions[name]; c != nil {
				return scoreText(c.Score)
			}
			return "-"
		}})
	}
	if len(r.Order) > 0 {
		columns = append(columns, column{"corrupted", func(m *result.Model) string { return scoreText(m.CorruptedScore) }})
	}
	return columns
}

// scoreSheets returns the tables of a result with scores.
func scoreSheets(r *result.Result) []sheet {
	results := modelSheet(r, "results", "Results", scoreColumns(r))
	results.Caption = join(results.Caption, "scores by "+r.Settings.Score.Command+", "+r.Settings.Score.Direction(), partText(r))
	models, _ := shown(r)
	for i, m := range models {
		results.Rows[i].Pareto = isPareto(r, m)
	}
	list := []sheet{results}
	for _, s := range []sheet{scoreIntervals(r), scoreComparisons(r), scoreCorrections(r), scoreTests(r)} {
		if len(s.Rows) > 0 {
			list = append(list, s)
		}
	}
	return list
}

// scoreIntervals has the intervals of the results, where the scores of single samples are known.
func scoreIntervals(r *result.Result) sheet {
	if !hasIntervals(r) || !r.Models[0].Intervals.Clean[0].Known() {
		return sheet{}
	}
	columns := []column{{"clean", func(m *result.Model) string { return rangeOf(m.Intervals.Clean, number) }}}
	if len(r.Order) > 0 {
		columns = append(columns, column{"corrupted", func(m *result.Model) string {
			if m.Intervals.CorruptedScore == nil {
				return "-"
			}
			return rangeOf(*m.Intervals.CorruptedScore, number)
		}})
	}
	s := modelSheet(r, "intervals", level(r)+" intervals", columns)
	s.Caption = join(s.Caption, "Student's interval of the mean over samples")
	return s
}

// scoreComparisons has the differences between every model and the one with which all are compared.
func scoreComparisons(r *result.Result) sheet {
	if r.Statistics == nil || len(r.Statistics.Comparisons) == 0 {
		return sheet{}
	}
	s := sheet{ID: "comparisons", Title: r.Statistics.Against + " against each",
		Head: []string{"against", "clean", level(r) + " interval", "p", "p (Holm)"}}
	if len(r.Order) > 0 {
		s.Head = append(s.Head, "corrupted", level(r)+" interval", "p", "p (Holm)")
	}
	for _, c := range r.Statistics.Comparisons {
		line := row{Cells: append([]string{c.B}, scoreCells(c.Clean)...)}
		if len(r.Order) > 0 {
			line.Cells = append(line.Cells, scoreCells(c.CorruptedScore)...)
		}
		s.Rows = append(s.Rows, line)
	}
	s.Caption = join(fmt.Sprintf("by how much the score of %s is higher, on the same samples; random signs by sample; "+
		"Holm: adjusted for the number of comparisons", r.Statistics.Against))
	return s
}

// scoreCorrections has the differences between mixes with corrected statistics and those that they correct.
func scoreCorrections(r *result.Result) sheet {
	if r.Statistics == nil || len(r.Statistics.Corrections) == 0 {
		return sheet{}
	}
	s := sheet{ID: "corrections", Title: correctionsTitle,
		Head: []string{"mix", "against", "clean", level(r) + " interval", "p", "p (Holm)"},
		Caption: "by how much the score of the mix is higher than that of the one that it corrects, on the same samples; random signs by " +
			"sample; Holm: adjusted for the number of lines"}
	if len(r.Order) > 0 {
		s.Head = append(s.Head, "corrupted", level(r)+" interval", "p", "p (Holm)")
	}
	for _, c := range r.Statistics.Corrections {
		line := row{Cells: append([]string{c.A, c.B}, scoreCells(c.Clean)...)}
		if len(r.Order) > 0 {
			line.Cells = append(line.Cells, scoreCells(c.CorruptedScore)...)
		}
		s.Rows = append(s.Rows, line)
	}
	return s
}

func scoreCells(d *result.Difference) []string {
	if d == nil {
		return []string{"-", "-", "-", "-"}
	}
	return []string{number(d.Difference), number(d.Interval[0]) + " to " + number(d.Interval[1]), pValue(d.P), pValue(d.PHolm)}
}

// scoreTests has the scores on the other test sets.
func scoreTests(r *result.Result) sheet {
	s := sheet{ID: "tests", Title: "Other test sets", Head: []string{"model", "test set", "samples", "clean"}}
	if len(r.Order) > 0 {
		s.Head = append(s.Head, "corrupted")
	}
	models, note := shown(r)
	s.Caption = note
	for _, m := range models {
		for _, t := range m.MoreTests {
			cells := []string{m.ID, t.Name, fmt.Sprint(t.Clean.N), scoreText(t.Clean.Score)}
			if len(r.Order) > 0 {
				cells = append(cells, scoreText(t.CorruptedScore))
			}
			s.Rows = append(s.Rows, row{Cells: cells, Strong: isChosen(r, m), Role: role(r, m)})
		}
	}
	return s
}

// scoreVerdict is the summary of a result with scores.
func scoreVerdict(r *result.Result) verdict {
	of := func(m *result.Model) string {
		text := fmt.Sprintf("On %d test samples its score is %s", m.Clean.N, scoreText(m.Clean.Score))
		if m.CorruptedScore != nil {
			text += ", under corruption " + scoreText(m.CorruptedScore)
		}
		return text + "."
	}
	about := fmt.Sprintf("Figures are scores by %s; %s.", r.Settings.Score.Command, r.Settings.Score.Direction())
	m := chosenModel(r)
	if m == nil {
		v := verdict{Headline: title(r), Sentences: []string{about}}
		if len(r.Models) == 1 {
			v.Sentences = append(v.Sentences, of(r.Models[0]))
		}
		return v
	}
	c := r.Chosen
	name := paramText(c.Params) + siblingText(c.Repaired, c.Statistics)
	v := verdict{Headline: name + " is chosen", OnTest: c.OnTest, Sentences: []string{about}}
	switch {
	case c.ByConvention():
		v.Headline = name + " is the default; nothing was chosen"
		v.Sentences = append(v.Sentences, "There is no unseen validation data. "+sentence(c.Reason)+".")
	case c.OnTest:
		v.Sentences = append(v.Sentences, fmt.Sprintf("TEST DATA DECIDED, by the rule “%s”.", c.Rule))
	default:
		v.Sentences = append(v.Sentences, fmt.Sprintf("Validation data decided, where its score is %s, by the rule “%s”.",
			scoreText(c.ValidationScore), c.Rule))
	}
	v.Sentences = append(v.Sentences, of(m))
	if c.Command != "" {
		v.Sentences = append(v.Sentences, "As a file: "+c.Command+".")
	}
	return v
}

// scoreFootnotes are the lines below a table of scores.
func scoreFootnotes(r *result.Result) []string {
	var notes []string
	if hasValidation(r) {
		notes = append(notes, "val: "+r.Settings.Validation)
	}
	if c := r.Chosen; c != nil {
		notes = append(notes, "* "+paramText(c.Params)+siblingText(c.Repaired, c.Statistics)+chosenText(c))
		if len(c.Indistinguishable) > 0 {
			notes = append(notes, alikeText(r))
		}
		if c.Command != "" {
			notes = append(notes, "this model as a file: "+c.Command)
		}
	}
	if part := partText(r); part != "" {
		notes = append(notes, part)
	}
	return append(notes, r.Notes...)
}

// scoreSections are the sections of the page of a result with scores.
func scoreSections(r *result.Result) (list []section) {
	results := section{ID: "section-results", Title: "Results"}
	results.add(scoreSheets(r)...)
	produced := section{ID: "section-produced", Title: "What produced it"}
	produced.add(modelsSheet(r), dataSheet(r), settingsSheet(r))
	return append(list, results, produced)
}

// scoreTiles returns the main figures of a model with scores.
func scoreTiles(m *result.Model) []tile {
	list := []tile{{Name: "score", Value: scoreText(m.Clean.Score)}}
	if m.Intervals != nil && m.Intervals.Clean[0].Known() {
		list[0].Range = rangeOf(m.Intervals.Clean, number)
	}
	if m.CorruptedScore != nil {
		list = append(list, tile{Name: "score under corruption", Value: scoreText(m.CorruptedScore)})
	}
	return list
}

// addScoreMeanings explains the figures of a result with scores.
func addScoreMeanings(r *result.Result, add func(name, meaning string)) {
	add("clean", "the score of the model's outputs for the test data as it is, by "+r.Settings.Score.Command+"; "+
		r.Settings.Score.Direction())
	if hasValidation(r) {
		add("val", "the score on "+validationText(r)+", by which the mix is chosen")
	}
	if len(r.Order) > 0 {
		add("corrupted", "the mean score over all corruptions and severities that were run")
	}
}
