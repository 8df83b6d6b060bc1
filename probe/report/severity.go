package report

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
)

// severityInterval returns Wilson's interval of the accuracy at a severity, from 1; unknown ends if it was not run.
func severityInterval(c *result.Corruption, severity int) [2]result.Number {
	if severity < 1 || severity > metric.Severities || c.BySeverity[severity-1] == nil {
		return [2]result.Number{unknown, unknown}
	}
	return scoreInterval(c.BySeverity[severity-1])
}

// scoreInterval returns Wilson's interval of a score's accuracy.
func scoreInterval(s *result.Score) [2]result.Number {
	if s.N < 1 || !(s.OA >= 0 && s.OA <= 1) {
		return [2]result.Number{unknown, unknown}
	}
	right := int(math.Round(float64(s.OA) * float64(s.N)))
	i := metric.AccuracyInterval(right, s.N, result.ConfidenceLevel)
	return [2]result.Number{result.Number(i.Low), result.Number(i.High)}
}

// severitySheet has the accuracies by severity with their intervals, of the models of the severity heat maps.
func severitySheet(r *result.Result) sheet {
	if len(r.Order) == 0 {
		return sheet{}
	}
	s := sheet{ID: "severities", Title: "By severity, with intervals", Dense: true, Head: []string{"corruption", "model"},
		Caption: fmt.Sprintf("Accuracy in percent, and Wilson's %s interval of the samples under that one condition", level(r))}
	for severity := range metric.Severities {
		s.Head = append(s.Head, fmt.Sprint(severity+1))
	}
	for _, name := range r.Order {
		for _, m := range severityModels(r) {
			c := m.Corruptions[name]
			if c == nil {
				continue
			}
			line := row{Cells: []string{name, m.ID}, Strong: isChosen(r, m)}
			for i, oa := range c.OABySeverity {
				line.Cells = append(line.Cells, withRange(oa, severityInterval(c, i+1)))
			}
			s.Rows = append(s.Rows, line)
		}
	}
	return s
}

// withRange writes "88.0 (83.3–91.5)".
func withRange(v result.Number, ends [2]result.Number) string {
	if !ends[0].Known() || !ends[1].Known() {
		return percent(v)
	}
	return fmt.Sprintf("%s (%s)", percent(v), percentRange(ends))
}
