package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// synonyms are words of other tools for commands of this one.
var synonyms = map[string]string{
	"eval": "score", "evaluate": "score", "test": "score", "predict": "score", "train": "fit", "extract": "features",
	"embed": "features", "interpolate": "merge", "mix": "merge", "average": "soup", "benchmark": "bench", "show": "inspect",
}

// unknownCommand returns an error that suggests a near command of a list, or names them all.
func unknownCommand(list []*cli.Command, name string) error {
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	e := usagef("there is no command %q", name)
	if near := synonyms[name]; slices.Contains(names, near) {
		return e.WithHint("did you mean %q?", near)
	}
	if near := nearest(name, names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e.WithHint("there are %s", strings.Join(names, ", "))
}

// unknownFlag returns an error that suggests a near flag of a command, or names them all.
func unknownFlag(flags []cli.Flag, arg string) error {
	var names, all []string
	for _, f := range flags {
		names = append(names, f.Names()...)
		all = append(all, dashed(f.Names()[0]))
	}
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	e := usagef("there is no flag %s", arg)
	if near := nearest(name, names); near != "" {
		return e.WithHint("did you mean %s?", dashed(near))
	}
	slices.Sort(all)
	return e.WithHint("there are %s", strings.Join(slices.Compact(all), ", "))
}

// dashed returns a flag as it is written.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// nearest returns the name that differs least from what was typed: in at most one of three letters, or as a beginning of
// three letters or more. It is "" if there is none.
func nearest(typed string, names []string) string {
	best, least := "", len(typed)/3+1
	for _, name := range names {
		distance := edits(typed, name)
		if len(typed) >= 3 && strings.HasPrefix(name, typed) {
			distance = min(distance, 1)
		}
		if len(name) > 1 && distance < least {
			best, least = name, distance
		}
	}
	return best
}

// edits returns how many letters must be inserted, left out, changed, or exchanged with the next one to turn a into b:
// Damerau's distance, of which no letter is edited twice.
func edits(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range len(a) {
		before, last, next := rows[0], rows[1], rows[2]
		next[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		rows = [3][]int{last, next, before}
	}
	return rows[1][len(b)]
}
