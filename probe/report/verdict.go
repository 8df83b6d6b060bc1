package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// verdict is the summary of a result in sentences.
type verdict struct {
	Headline  string
	Sentences []string
	OnTest    bool // the choice was made by test data
}

func newVerdict(r *result.Result) verdict {
	if hasScores(r) {
		return scoreVerdict(r)
	}
	if m := chosenModel(r); m != nil {
		return verdictOfSweep(r, m)
	}
	return verdictOfBench(r)
}

// verdictOfSweep describes which mix was chosen, by which rule, and its gains and losses.
func verdictOfSweep(r *result.Result, m *result.Model) verdict {
	c := r.Chosen
	name := paramText(c.Params) + siblingText(c.Repaired, c.Statistics)
	v := verdict{Headline: plainVerdict(r, m), OnTest: c.OnTest}
	said := v.Headline != ""
	if !said {
		v.Headline = name + " is chosen"
	}
	by := fmt.Sprintf("by the rule “%s”", c.Rule)
	switch {
	case c.ByConvention() && !said:
		v.Headline = name + " is the default; nothing was chosen"
		fallthrough
	case c.ByConvention():
		v.Sentences = append(v.Sentences, sentence(name)+" is the default, and nothing was chosen: there is no unseen validation data. "+
			sentence(c.Reason)+".")
	case c.OnTest:
		v.Sentences = append(v.Sentences, "TEST DATA DECIDED, "+by+".",
			"The figures of what was chosen are optimistic and are no estimate of new data.")
	default:
		const text = "Validation data decided for %s, where it has %s %% (%s), %s; test data decided nothing."
		v.Sentences = append(v.Sentences, fmt.Sprintf(text, name, percent(c.Validation), validationText(r), by))
	}
	if alike := alikeText(r); alike != "" {
		v.Sentences = append(v.Sentences, sentence(alike)+".")
	}
	v.Sentences = append(v.Sentences, scoresText(r, m))
	if text := barrierText(r); text != "" {
		v.Sentences = append(v.Sentences, sentence(text)+".")
	}
	if c.Command != "" {
		v.Sentences = append(v.Sentences, "As a file: "+c.Command+".")
	}
	tested := false
	for _, end := range ends(r) {
		if end != m {
			v.Sentences = append(v.Sentences, againstText(r, m, end))
			tested = tested || difference(r, m.ID, end.ID) != nil
		}
	}
	if tested {
		v.Sentences = append(v.Sentences,
			fmt.Sprintf("The p-values are adjusted for %d comparisons (Holm).", len(r.Statistics.Comparisons)))
	}
	if text := holmText(r, m); text != "" {
		v.Sentences = append(v.Sentences, text)
	}
	if m.MOA.Known() && len(paretoSet(r)) > 0 {
		is := "is not"
		if isPareto(r, m) {
			is = "is"
		}
		v.Sentences = append(v.Sentences, fmt.Sprintf("On test data it %s in the Pareto set of clean accuracy and mOA.", is))
	}
	return v
}

// validationText names the validation data.
func validationText(r *result.Result) string {
	var parts []string
	for _, val := range r.Settings.Vals() {
		parts = append(parts, fmt.Sprintf("%d samples of %s", val.N, val.Name))
	}
	if len(parts) == 0 {
		return r.Settings.Validation
	}
	return strings.Join(parts, " and ") + ": " + r.Settings.Validation
}

// verdictOfBench describes which model is best by which figure.
func verdictOfBench(r *result.Result) verdict {
	best := func(figure func(*result.Model) result.Number) (top *result.Model) {
		for _, m := range r.Models {
			if figure(m).Known() && (top == nil || figure(m) > figure(top)) {
				top = m
			}
		}
		return top
	}
	clean := best(func(m *result.Model) result.Number { return m.Clean.OA })
	robust := best(func(m *result.Model) result.Number { return m.Exact.MOA })
	if clean == nil {
		clean = r.Models[0]
	}
	v := verdict{Headline: clean.ID}
	if len(r.Models) > 1 {
		v.Headline += " has the highest clean accuracy"
		if robust == clean {
			v.Headline += " and the highest mOA"
		}
	}
	v.Sentences = append(v.Sentences, scoresText(r, clean))
	if robust != nil && robust != clean {
		v.Sentences = append(v.Sentences, "The highest mOA has "+robust.ID+": "+lowerFirst(scoresText(r, robust)))
	}
	if len(r.Models) > 1 {
		v.Sentences = append(v.Sentences,
			"This compares the models on test data; a choice between them needs validation data.")
	}
	return v
}

// scoresText has the figures of a model on the first test set.
func scoresText(r *result.Result, m *result.Model) string {
	text := fmt.Sprintf("On the %d samples of %s it has %s %% clean accuracy", m.Clean.N, testName(&m.Tested),
		percent(m.Clean.OA))
	if m.Intervals != nil {
		text += fmt.Sprintf(" (%s interval %s)", level(r), percentRange(m.Intervals.Clean))
	}
	if !m.MOA.Known() {
		return text + "."
	}
	text += fmt.Sprintf(" and %s %% mOA under %s%s corruptions", percent(m.MOA), selfMade(r), r.Suite)
	if m.Intervals != nil && m.Intervals.MOA != nil {
		text += fmt.Sprintf(" (%s)", percentRange(*m.Intervals.MOA))
	}
	return text + "."
}

// selfMade returns a qualifier of the suite's name if its corruptions were generated here.
func selfMade(r *result.Result) string {
	for _, note := range r.Notes {
		if strings.HasPrefix(note, "self-made") {
			return "self-made "
		}
	}
	return ""
}

// againstText has the gains and losses of a model relative to another one.
func againstText(r *result.Result, m, end *result.Model) string {
	name := paramText(end.Params)
	if role := role(r, end); role != "" {
		name += " (" + role + ")"
	}
	c := difference(r, m.ID, end.ID)
	if c == nil {
		text := fmt.Sprintf("Against %s it changes clean accuracy by %s points", name, signedPoints(m.Clean.OA-end.Clean.OA))
		if m.MOA.Known() && end.MOA.Known() {
			text += fmt.Sprintf(" and mOA by %s", signedPoints(m.Exact.MOA-end.Exact.MOA))
		}
		return text + "; the difference was not tested (see wiseft compare)."
	}
	text := fmt.Sprintf("Against %s it changes clean accuracy by %s", name, differenceText(c.Clean, r.Statistics.Level))
	if c.MOA != nil {
		text += " and mOA by " + differenceText(c.MOA, r.Statistics.Level)
	}
	return text + "."
}

// differenceText writes "+1.3 points (+0.4 to +2.2; p = 0.004, significant)". The p-value is adjusted for the number
// of comparisons.
func differenceText(d *result.Difference, level float64) string {
	p := pText(d.PHolm)
	significance := "not significant"
	if float64(d.PHolm) <= 1-level {
		significance = "significant"
	}
	return fmt.Sprintf("%s points (%s; %s, %s)", signedPoints(d.Difference), signedRange(d.Interval), p, significance)
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
