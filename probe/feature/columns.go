package feature

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/arrays"
)

// column is a column of a table, as its head and its first row describe it.
type column struct {
	name string
	kind columnKind
}

type columnKind int

const (
	otherColumn  columnKind = iota // of a type that is neither features nor labels
	numberColumn                   // a number a row
	listColumn                     // a list of numbers a row
	textColumn                     // a word a row
)

func (k columnKind) String() string {
	return [...]string{"unsupported", "numbers", "lists of numbers", "text"}[k]
}

// roles are the columns that were taken.
type roles struct {
	features []int // ascending
	label    int   // -1 = labels are in a file of their own
	note     string
}

// indexName matches the names of columns that number the rows, as pandas and others write them.
var indexName = regexp.MustCompile(`(?i)^(|unnamed: \d+|index|idx|id|(row|sample)_?id|__index_level_\d+__)$`)

// chooseColumns finds the columns of features and of labels, or takes those that part names. Without names, a column of
// lists is taken before columns of numbers.
func chooseColumns(all []column, part Part) (r roles, err error) {
	if r.label, err = chooseLabel(all, part); err != nil {
		return r, err
	}
	if r.features, err = chooseFeatures(all, part, r.label); err != nil {
		return r, err
	}
	names := make([]string, len(r.features))
	for i, at := range r.features {
		names[i] = all[at].name
	}
	r.note = "features are the column " + names[0]
	if len(names) > 1 {
		r.note = fmt.Sprintf("features are %d columns, %s to %s", len(names), names[0], names[len(names)-1])
	}
	label := "those of " + part.Target
	if r.label >= 0 {
		label = all[r.label].name
	}
	r.note += ", labels " + label
	var left []string
	for i, c := range all {
		if _, taken := slices.BinarySearch(r.features, i); i != r.label && !taken {
			left = append(left, cmp.Or(c.name, "the one without a name"))
		}
	}
	if len(left) > 0 {
		r.note += "; not used: " + someOf(left)
	}
	return r, nil
}

func chooseLabel(all []column, part Part) (int, error) {
	if part.Target != "" {
		at := slices.IndexFunc(all, func(c column) bool { return c.name == part.Target })
		if at < 0 && part.Labels == nil {
			return 0, fmt.Errorf("has no column %q, and there is no such file; it has %s", part.Target, describe(all))
		}
		return at, nil
	}
	var named, text []int
	for i, c := range all {
		switch {
		case arrays.IsLabelName(c.name) && c.kind != listColumn:
			named = append(named, i)
		case c.kind == textColumn && !indexName.MatchString(c.name):
			text = append(text, i)
		}
	}
	for _, list := range [][]int{named, text} {
		if len(list) == 1 {
			return list[0], nil
		}
		if len(list) > 1 {
			break
		}
	}
	return 0, fmt.Errorf("does not say which column has the labels: name it with --target; it has %s", describe(all))
}

func chooseFeatures(all []column, part Part, label int) ([]int, error) {
	if part.Input != "" {
		return inputColumns(all, part.Input, label)
	}
	var lists, named, numbers []int
	for i, c := range all {
		switch {
		case i == label:
		case c.kind == listColumn:
			lists = append(lists, i)
			if arrays.IsSampleName(c.name) {
				named = append(named, i)
			}
		case c.kind == numberColumn && !indexName.MatchString(c.name):
			numbers = append(numbers, i)
		}
	}
	switch {
	case len(lists) == 1:
		return lists, nil
	case len(named) == 1:
		return named, nil
	case len(lists) > 1:
		return nil, fmt.Errorf("does not say which column has the features: name it with --input; it has %s", describe(all))
	case len(numbers) == 0:
		return nil, fmt.Errorf("has no columns of numbers beside the labels; it has %s", describe(all))
	}
	return numbers, nil
}

// inputColumns returns the column of a name, or all that match a pattern.
func inputColumns(all []column, pattern string, label int) (list []int, err error) {
	for i, c := range all {
		matches, err := path.Match(pattern, c.name)
		if err != nil {
			return nil, fmt.Errorf("--input %s is no pattern of columns: %v", pattern, err)
		}
		if c.name != pattern && !matches || i == label {
			continue
		}
		if c.kind != numberColumn && c.kind != listColumn {
			return nil, fmt.Errorf("column %q holds %s, want numbers", c.name, c.kind)
		}
		list = append(list, i)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("has no column %q; it has %s", pattern, describe(all))
	}
	if len(list) > 1 && slices.ContainsFunc(list, func(at int) bool { return all[at].kind == listColumn }) {
		return nil, fmt.Errorf("--input %s matches several columns of lists, want one", pattern)
	}
	return list, nil
}

func describe(all []column) string {
	list := make([]string, len(all))
	for i, c := range all {
		list[i] = fmt.Sprintf("%s (%s)", c.name, c.kind)
	}
	return someOf(list)
}

// someOf returns at most ten of a list.
func someOf(list []string) string {
	if len(list) <= 10 {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:10], ", "), len(list)-10)
}
