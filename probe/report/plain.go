package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// finding is what the comparison of two models says about a figure.
type finding int

const (
	alike    finding = iota // the interval of the difference contains 0, and no loss of more than maxKept
	open                    // it contains 0, and a larger loss, too
	probable                // it excludes 0, but the p-value adjusted for all comparisons is not significant
	certain                 // both
)

// maxKept is the largest loss of an interval of which "keeps" is said: 2 points, as for barriers.
const maxKept = 0.02

// findingOf judges a difference by its interval and its adjusted p-value.
func findingOf(d *result.Difference, level float64) finding {
	excludes := d.Interval[0] > 0 || d.Interval[1] < 0
	switch {
	case excludes && float64(d.PHolm) <= 1-level:
		return certain
	case excludes:
		return probable
	case float64(d.Interval[0]) >= -maxKept:
		return alike
	}
	return open
}

// plainVerdict says in one sentence what merging does to the fine-tuned model; "" if the two were not compared.
func plainVerdict(r *result.Result, m *result.Model) string {
	end := fineTuned(r)
	if end == nil || end == m {
		return ""
	}
	c := difference(r, m.ID, end.ID)
	if c == nil {
		return ""
	}
	level := r.Statistics.Level
	clean, robust := plainClean(c.Clean, level), ""
	if c.MOA != nil {
		robust = plainRobust(c.MOA, level)
	}
	text := "Merging at " + paramText(m.Params) + siblingText(m.Repaired, m.Statistics) + " " + clean
	if robust != "" {
		text += joint(c, level) + robust
	}
	return text
}

// joint returns "but" if one figure is lost and the other gained, else "and".
func joint(c *result.Comparison, level float64) string {
	if isFound(c.Clean, level) && isFound(c.MOA, level) && (c.Clean.Difference > 0) != (c.MOA.Difference > 0) {
		return " but "
	}
	return " and "
}

// isFound reports whether a difference is more than noise, at least by its own interval.
func isFound(d *result.Difference, level float64) bool { return findingOf(d, level) >= probable }

// fineTuned returns the mix with alpha 1; nil without one.
func fineTuned(r *result.Result) *result.Model {
	for _, m := range r.Models {
		if m.IsAlpha(1) {
			return m
		}
	}
	return nil
}

func plainClean(d *result.Difference, level float64) string {
	switch findingOf(d, level) {
	case alike:
		return "keeps clean accuracy (" + plainFigure(d, "points", level) + ", not distinguishable)"
	case open:
		return "does not measurably change clean accuracy (" + plainFigure(d, "points", level) + ", too few samples to tell)"
	}
	verb := "gains clean accuracy ("
	if d.Difference < 0 {
		verb = "loses clean accuracy ("
	}
	return hedge(d, level) + verb + plainFigure(d, "points", level) + ")"
}

func plainRobust(d *result.Difference, level float64) string {
	figure := plainFigure(d, "points of mOA", level)
	switch f := findingOf(d, level); {
	case f == alike || f == open:
		return "does not measurably change robustness (" + figure + ")"
	case d.Difference < 0:
		return hedge(d, level) + "makes the model less robust (" + figure + ")"
	}
	return hedge(d, level) + "makes the model more robust (" + figure + ")"
}

func hedge(d *result.Difference, level float64) string {
	if findingOf(d, level) == probable {
		return "probably "
	}
	return ""
}

// plainFigure writes "+2.8 points of mOA, 95 % interval +1.9 to +3.7".
func plainFigure(d *result.Difference, unit string, level float64) string {
	return fmt.Sprintf("%s %s, %g %% interval %s", signedPoints(d.Difference), unit, 100*level, signedRange(d.Interval))
}

// holmText explains adjusted p-values that disagree with the interval of a difference from an end; "" if none does.
func holmText(r *result.Result, m *result.Model) string {
	var parts []string
	for _, end := range ends(r) {
		c := difference(r, m.ID, end.ID)
		if end == m || c == nil {
			continue
		}
		for _, d := range []struct {
			name string
			*result.Difference
		}{{"clean accuracy", c.Clean}, {"mOA", c.MOA}} {
			if d.Difference != nil && findingOf(d.Difference, r.Statistics.Level) == probable {
				parts = append(parts, fmt.Sprintf("%s against %s (%s, adjusted %s)", d.name, paramText(end.Params), pText(d.P),
					pValue(d.PHolm)))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Interval and adjusted p-value disagree for %s: the interval is of this one pair, and Holm's p-value counts "+
		"all %d comparisons, of which some would look significant by chance; if this pair was the only question before the data was "+
		"seen, the interval and the unadjusted p-value answer it.", strings.Join(parts, " and "), len(r.Statistics.Comparisons))
}
