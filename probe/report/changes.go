package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// className returns the name of a class of the first test set, in data without names that of the training data, or "class 3".
func className(r *result.Result, label int) string {
	named := r.Settings.Train
	if tests := r.Settings.Tests; len(tests) > 0 && tests[0] != nil && (named == nil || len(tests[0].Classes) > 0) {
		named = tests[0]
	}
	if named != nil && label >= 0 && label < len(named.Classes) {
		return named.Classes[label]
	}
	return fmt.Sprintf("class %d", label)
}

// conditionName returns "clean" or "jitter 3".
func conditionName(corruption string, severity int) string {
	if corruption == "" {
		return cleanColumn
	}
	return fmt.Sprintf("%s %d", corruption, severity)
}

// tally counts answers under several conditions.
type tally struct{ n, right, rescued, lost int }

func (t *tally) add(c *result.ConditionChange) {
	t.n, t.right, t.rescued, t.lost = t.n+c.N, t.right+c.Right, t.rescued+c.Rescued, t.lost+c.Lost
}

// tallies returns the answers on clean data, under each corruption in the order of the result, and under all of them.
func tallies(r *result.Result) (clean tally, each []tally, all tally) {
	each = make([]tally, len(r.Order))
	for _, c := range r.Changes.Conditions {
		if c.Corruption == "" {
			clean.add(c)
			continue
		}
		all.add(c)
		if i := slices.Index(r.Order, c.Corruption); i >= 0 {
			each[i].add(c)
		}
	}
	return clean, each, all
}

// hasChanges reports whether the result compares answers with those of the fine-tuned end.
func hasChanges(r *result.Result) bool { return r.Changes != nil && r.Changes.Against != "" }

// changesText says in a sentence what was rescued and lost; "" without a comparison.
func changesText(r *result.Result) string {
	if !hasChanges(r) {
		return ""
	}
	clean, _, all := tallies(r)
	text := fmt.Sprintf("Of %d clean samples %s alone classifies %d rightly (rescued), and %s alone %d (lost)",
		clean.n, r.Changes.Model, clean.rescued, r.Changes.Against, clean.lost)
	if c := difference(r, r.Changes.Model, r.Changes.Against); c != nil {
		text += fmt.Sprintf("; McNemar's test of these counts: %s", pText(c.Clean.P))
	}
	if all.n > 0 {
		text += fmt.Sprintf(". Of %d answers under corruption %d are rescued and %d lost", all.n, all.rescued, all.lost)
	}
	return text
}

// changesSheet counts rescued and lost answers by condition.
func changesSheet(r *result.Result) sheet {
	if !hasChanges(r) {
		return sheet{}
	}
	s := sheet{ID: "changes", Title: "Rescued and lost",
		Head:    []string{"condition", "answers", "right", "rescued", "lost", "difference"},
		Caption: join(changesText(r))}
	add := func(name string, t tally) {
		if t.n == 0 {
			return
		}
		gain := float64(t.rescued-t.lost) / float64(t.n)
		s.Rows = append(s.Rows, row{Cells: []string{name, fmt.Sprint(t.n), fmt.Sprint(t.right), fmt.Sprint(t.rescued),
			fmt.Sprint(t.lost), signedPoints(result.Number(gain))}})
	}
	clean, each, all := tallies(r)
	add(cleanColumn, clean)
	for i, name := range r.Order {
		add(name, each[i])
	}
	add("all corruptions", all)
	return s
}

// largestSheet lists the answers whose margin changed most.
func largestSheet(r *result.Result) sheet {
	if !hasChanges(r) {
		return sheet{}
	}
	s := sheet{ID: "largest", Title: "Largest changes", Head: []string{"sample", "what", "class", "condition",
		r.Changes.Model, r.Changes.Against, "margin from", "margin to"},
		Caption: "One answer a sample: those whose margin changed most. The margin is the probability of the sample's class minus " +
			"the highest one of another class; above 0 the answer is right. Samples are counted from 0 in the test set"}
	for _, a := range r.Changes.Largest {
		s.Rows = append(s.Rows, row{Cells: []string{fmt.Sprint(a.Sample), changeOf(a), className(r, a.Label),
			conditionName(a.Corruption, a.Severity), className(r, a.Model), className(r, *a.Against),
			margin(*a.AgainstMargin), margin(a.Margin)}})
	}
	return s
}

func changeOf(a *result.SampleAnswer) string {
	switch {
	case a.Rescued():
		return "rescued"
	case a.Lost():
		return "lost"
	}
	return ""
}

func margin(n result.Number) string {
	if !n.Known() {
		return "-"
	}
	return strings.Replace(fmt.Sprintf("%+.2f", float64(n)), "-", minus, 1)
}

// confusedSheet lists the confusions whose counts changed most, of clean data and corruptions together.
func confusedSheet(r *result.Result) sheet {
	if !hasChanges(r) {
		return sheet{}
	}
	type change struct {
		*result.Confused
		by int
	}
	var list []change
	for _, c := range r.Changes.Confusion {
		if by := c.Model + c.ModelCorrupted - c.Against - c.AgainstCorrupted; c.Label != c.Prediction && by != 0 {
			list = append(list, change{c, by})
		}
	}
	slices.SortStableFunc(list, func(a, b change) int { return max(b.by, -b.by) - max(a.by, -a.by) })
	s := sheet{ID: "confused", Title: "Confusions that changed most",
		Head:    []string{"class", "taken for", r.Changes.Model, r.Changes.Against, "difference"},
		Caption: "Answers on clean data and under all corruptions; below 0: merging makes the mistake less often"}
	for _, c := range list[:min(len(list), maxLargestConfusions)] {
		s.Rows = append(s.Rows, row{Cells: []string{className(r, c.Label), className(r, c.Prediction),
			fmt.Sprint(c.Model + c.ModelCorrupted), fmt.Sprint(c.Against + c.AgainstCorrupted), signedCount(c.by)}})
	}
	return s
}

const maxLargestConfusions = 10

func signedCount(n int) string { return strings.Replace(fmt.Sprintf("%+d", n), "-", minus, 1) }

// maxClassRows is the largest number of classes in a table of the page.
const maxClassRows = 40

// shownClasses returns the classes that tables show, by label: of many those with the largest differences, or without a
// comparison the least accurate. note explains which; "" = all.
func shownClasses(r *result.Result) (list []*result.ClassAnswers, note string) {
	all := r.Changes.Classes
	if len(all) <= maxClassRows {
		return all, ""
	}
	list = slices.Clone(all)
	weight := func(c *result.ClassAnswers) (w float64) {
		for i := range c.Of {
			if d := classShare(c, i, classDifference); d.Known() {
				w = max(w, max(float64(d), -float64(d)))
			}
		}
		return w
	}
	note = "the largest differences"
	if !hasChanges(r) {
		note = "the lowest accuracies"
		weight = func(c *result.ClassAnswers) float64 { return -float64(sum(c.Model)) / float64(max(sum(c.Of), 1)) }
	}
	slices.SortStableFunc(list, func(a, b *result.ClassAnswers) int {
		switch x, y := weight(a), weight(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	list = list[:maxClassRows]
	slices.SortFunc(list, func(a, b *result.ClassAnswers) int { return a.Label - b.Label })
	return list, fmt.Sprintf("%d of %d classes are shown, those with %s; the JSON file has all", maxClassRows, len(all), note)
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// The figures of a class.
const (
	classModel = iota
	classAgainst
	classDifference
)

// classShare returns the share of right answers in a column, or the difference of two models' shares.
func classShare(c *result.ClassAnswers, column, figure int) result.Number {
	n := float64(c.Of[column])
	switch {
	case n == 0 || figure != classModel && c.Against == nil:
		return unknown
	case figure == classModel:
		return result.Number(float64(c.Model[column]) / n)
	case figure == classAgainst:
		return result.Number(float64(c.Against[column]) / n)
	}
	return result.Number(float64(c.Model[column]-c.Against[column]) / n)
}

// classHeat returns the shares of right answers by class and corruption.
func classHeat(r *result.Result, id, title string, figure int) *heat {
	h := &heat{ID: id, Title: title, Columns: append([]string{cleanColumn}, r.Order...), Signed: figure == classDifference}
	list, _ := shownClasses(r)
	for _, c := range list {
		line := heatRow{Name: className(r, c.Label)}
		for i := range h.Columns {
			line.Values = append(line.Values, classShare(c, i, figure))
		}
		h.Rows = append(h.Rows, line)
	}
	h.Scale = heatScale(h)
	if h.Signed {
		reach := max(h.Scale.high, -h.Scale.low)
		h.Scale = extent{-reach, reach}
	}
	return h
}

// classesSheet has what classHeat shows: the differences, or without a comparison the shares.
func classesSheet(r *result.Result) sheet {
	if r.Changes == nil || len(r.Changes.Classes) == 0 {
		return sheet{}
	}
	title, figure, text := "Accuracy by class", classModel, percent
	caption := "percent of the answers of " + r.Changes.Model + ", over the severities that were run"
	if hasChanges(r) {
		title, figure, text = "Differences by class", classDifference, signedPoints
		caption = fmt.Sprintf("points that %s has more than %s, over the severities that were run", r.Changes.Model, r.Changes.Against)
	}
	h := classHeat(r, "classes", title, figure)
	s := sheet{ID: h.ID, Title: title, Head: append([]string{"class"}, h.Columns...)}
	_, note := shownClasses(r)
	s.Caption = join(caption, note)
	for _, line := range h.Rows {
		cells := []string{line.Name}
		for _, v := range line.Values {
			cells = append(cells, text(v))
		}
		s.Rows = append(s.Rows, row{Cells: cells})
	}
	return s
}
