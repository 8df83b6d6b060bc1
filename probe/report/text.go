package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// unknown is a missing figure.
var unknown = result.Number(math.NaN())

// minus is the minus sign that is as wide as a plus.
const minus = "−"

// signedPoints writes a difference of shares in points: "+1.3".
func signedPoints(n result.Number) string {
	if !n.Known() {
		return "-"
	}
	text := fmt.Sprintf("%+.1f", 100*float64(n))
	if text == "-0.0" {
		return "+0.0"
	}
	return strings.Replace(text, "-", minus, 1)
}

// percentRange writes an interval of shares in percent: "86.8–90.7".
func percentRange(i [2]result.Number) string { return rangeOf(i, percent) }

func rangeOf(i [2]result.Number, text func(result.Number) string) string {
	if !i[0].Known() || !i[1].Known() {
		return "-"
	}
	return text(i[0]) + "–" + text(i[1])
}

// signedRange writes an interval of a difference in points: "-0.4 to +1.3".
func signedRange(i [2]result.Number) string {
	if !i[0].Known() || !i[1].Known() {
		return "-"
	}
	return signedPoints(i[0]) + " to " + signedPoints(i[1])
}

// pText writes "p = 0.012" or "p < 0.001".
func pText(p result.Number) string {
	if v, small := strings.CutPrefix(pValue(p), "<"); small {
		return "p < " + v
	}
	return "p = " + pValue(p)
}

// pValue writes a p-value. Random signs give p-values down to 1e-4; smaller ones are written as a bound.
func pValue(p result.Number) string {
	switch {
	case !p.Known():
		return "-"
	case p < 0.001:
		return "<0.001"
	default:
		return fmt.Sprintf("%.3f", float64(p))
	}
}

// label returns a short name of a model: the values of its parameters, or the file's name.
func label(m *result.Model) string {
	switch {
	case len(m.Params) == 0:
		return filepath.Base(m.ID)
	default:
		var values []string
		for _, p := range m.Params {
			values = append(values, fmt.Sprintf("%.4g", p.Value))
		}
		return strings.Join(values, ", ") + siblingText(m.Repaired, m.Statistics)
	}
}

// siblingText marks mixes beside the path behind their parameters: repaired ones, and those with another rule of
// statistics.
func siblingText(repaired bool, statistics string) string {
	if repaired {
		return " repaired"
	}
	if statistics != "" {
		return " " + statistics
	}
	return ""
}

// printable replaces what XML does not allow: control characters and invalid UTF-8. File names may contain both.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == 0xfffe || c == 0xffff {
			return unicode.ReplacementChar
		}
		return c
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// title names what was measured.
func title(r *result.Result) string {
	if names := paramNames(r); len(names) > 0 {
		text := names[0]
		for _, name := range names[1:] {
			text += ", " + name
		}
		return "Sweep over " + text
	}
	if len(r.Models) == 1 {
		return "Benchmark of " + filepath.Base(r.Models[0].ID)
	}
	return fmt.Sprintf("Benchmark of %d models", len(r.Models))
}

// paramNames returns the names of the parameters of the mixes, in order; none for a benchmark.
func paramNames(r *result.Result) []string {
	var names []string
	for _, m := range r.Models {
		for _, p := range m.Params {
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

// testName returns a test set's name with at most one folder.
func testName(t *result.Tested) string {
	parts := strings.Split(filepath.ToSlash(t.Name), "/")
	return cmp.Or(strings.Trim(strings.Join(parts[max(0, len(parts)-2):], "/"), "/"), "test data")
}

// difference returns the difference A - B; nil if the result does not compare them.
func difference(r *result.Result, a, b string) *result.Comparison {
	if r.Statistics == nil {
		return nil
	}
	for _, c := range r.Statistics.Comparisons {
		switch {
		case c.A == a && c.B == b:
			return c
		case c.A == b && c.B == a:
			return &result.Comparison{A: a, B: b, Clean: reversed(c.Clean), MOA: reversed(c.MOA)}
		}
	}
	return nil
}

// reversed returns the difference with the opposite sign.
func reversed(d *result.Difference) *result.Difference {
	if d == nil {
		return nil
	}
	back := *d
	back.Difference, back.Interval = -d.Difference, [2]result.Number{-d.Interval[1], -d.Interval[0]}
	return &back
}

// level returns the confidence level of the intervals: "95 %".
func level(r *result.Result) string {
	if r.Statistics == nil {
		return "95 %"
	}
	return strconv.FormatFloat(100*r.Statistics.Level, 'g', 4, 64) + " %"
}

// mean returns the mean accuracy over all severities of a corruption, unrounded; unknown if one was not run.
func mean(c *result.Corruption) result.Number {
	sum := result.Number(0)
	for _, oa := range c.OABySeverity {
		sum += oa // NaN propagates
	}
	return sum / result.Number(len(c.OABySeverity))
}

// sortedKeys returns the keys of a map, ascending.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// cutLast cuts text around the last occurrence of sep.
func cutLast(text, sep string) (before, after string, found bool) {
	at := strings.LastIndex(text, sep)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(sep):], true
}
