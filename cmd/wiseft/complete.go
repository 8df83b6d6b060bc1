package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/report"
)

// completeCommand is the command that the scripts of wiseft completion run: the words of a line up to the cursor are
// its arguments, and the last one, which may be "", is to be completed.
const completeCommand = "__complete"

// completed is a word that may stand at the cursor.
type completed struct{ name, text string }

// writeCompletions prints one word a line, with a tab and what it is. None means a file.
func writeCompletions(w io.Writer, app *cli.App, words []string) {
	for _, c := range completions(app, words) {
		text, _, _ := strings.Cut(c.text, "\n")
		fmt.Fprintf(w, "%s\t%s\n", c.name, strings.ReplaceAll(text, "`", ""))
	}
}

func completions(app *cli.App, words []string) []completed {
	if len(words) == 0 {
		return nil
	}
	words, split := joinValues(words)
	list, command := app.Commands, (*cli.Command)(nil)
	for len(words) > 1 && len(list) > 0 {
		if common, _ := leadingFlags(words[:1]); len(common) > 0 {
			words = words[1:]
			continue
		}
		at := slices.IndexFunc(list, func(c *cli.Command) bool { return c.HasName(words[0]) })
		if at < 0 {
			break
		}
		command, list, words = list[at], list[at].Subcommands, words[1:]
	}
	flags := append([]cli.Flag{cli.HelpFlag, cli.VersionFlag}, commonFlags(new(bool), new(bool))...)
	if command != nil {
		flags = append([]cli.Flag{cli.HelpFlag}, command.Flags...)
	}
	current, before := words[len(words)-1], words[:len(words)-1]
	arguments, open := parseBefore(flags, before)
	name, value, assigned := strings.Cut(current, "=")
	switch {
	case open != "":
		return having(current, valuesOf(open, arguments))
	case assigned && strings.HasPrefix(current, "-") && split:
		return having(value, valuesOf(strings.TrimLeft(name, "-"), arguments))
	case assigned && strings.HasPrefix(current, "-"):
		found := having(value, valuesOf(strings.TrimLeft(name, "-"), arguments))
		for i := range found {
			found[i].name = name + "=" + found[i].name
		}
		return found
	case strings.HasPrefix(current, "-") && !slices.Contains(before, "--"):
		return having(current, flagsOf(flags))
	case len(list) > 0 && len(arguments) == 0:
		return having(current, commandsOf(list))
	case command != nil && len(arguments) == 0:
		return having(current, alternatives(command.ArgsUsage))
	}
	return nil
}

// joinValues joins --flag, = and a value, into which bash splits --flag=value. split reports whether the last word is
// such a value.
func joinValues(words []string) (joined []string, split bool) {
	for i := 0; i < len(words); i++ {
		last := len(joined) - 1
		if words[i] != "=" || last < 0 || !strings.HasPrefix(joined[last], "--") {
			joined = append(joined, words[i])
			continue
		}
		joined[last] += "="
		if i+1 < len(words) {
			i++
			joined[last] += words[i]
		}
		split = i == len(words)-1
	}
	return joined, split
}

// parseBefore returns the arguments before the cursor, and the flag whose value stands at the cursor.
func parseBefore(flags []cli.Flag, words []string) (arguments []string, open string) {
	for i := 0; i < len(words); i++ {
		if words[i] == "--" {
			return append(arguments, words[i+1:]...), ""
		}
		if !strings.HasPrefix(words[i], "-") {
			arguments = append(arguments, words[i])
			continue
		}
		f := findFlag(flags, strings.TrimLeft(words[i], "-"))
		if f == nil || isBool(f) {
			continue
		}
		if i+1 == len(words) {
			return arguments, f.Names()[0]
		}
		i++
	}
	return arguments, ""
}

// listed are the flags that take a name of a list, and the list; lists has them all.
var listed = map[string]string{"method": "methods", "suite": "suites", "corruption": "corruptions", "solver": "solvers",
	"choose": "rules", "reference": "references", "labels": "labels"}

// choices are the flags that take one of a few words.
var choices = map[string]string{"device": "cpu|cuda", "normalize": "none|unit-sphere|unit-box", "layout": "auto|bnc|bcn",
	"align": "weights|activations", "norm-statistics": "linear|std", "repair-mode": "auto|affine|scale|reset"}

// valuesOf returns the values that a flag takes. Tensors are those of the first model among the arguments.
func valuesOf(name string, arguments []string) []completed {
	if kind, ok := listed[name]; ok {
		var found []completed
		for _, item := range lists[kind]() {
			found = append(found, completed{item.Name, item.Doc})
		}
		return found
	}
	switch name {
	case "format":
		return alternatives(strings.Join(report.Names(), "|"))
	case "output", "backbone-output", "include", "exclude", "why":
		if len(arguments) > 0 {
			return tensorsOf(arguments[0], name == "output" || name == "backbone-output")
		}
	}
	return alternatives(choices[name])
}

// tensorsOf returns the computed values of a model, or its stored tensors; nothing of a file that is no model.
func tensorsOf(path string, computed bool) (found []completed) {
	m, err := wiseft.Open(path)
	if err != nil {
		return nil
	}
	defer m.Close()
	if !computed {
		for _, t := range m.Tensors {
			found = append(found, completed{t.ID(), fmt.Sprint(t.DType, t.Dims)})
		}
		return found
	}
	for _, n := range m.Graph.Nodes {
		for _, out := range n.Outputs {
			found = append(found, completed{out, n.OpType})
		}
	}
	return found
}

// alternatives returns the words of "a|b [ARGUMENT]|c"; none of a text without |.
func alternatives(usage string) (found []completed) {
	list := strings.Split(usage, "|")
	if len(list) == 1 {
		return nil
	}
	for _, text := range list {
		word, _, _ := strings.Cut(text, " ")
		found = append(found, completed{name: word})
	}
	return found
}

func commandsOf(list []*cli.Command) (found []completed) {
	for _, c := range list {
		found = append(found, completed{c.Name, c.Usage})
	}
	return found
}

func flagsOf(flags []cli.Flag) (found []completed) {
	for _, f := range flags {
		text := ""
		if documented, ok := f.(cli.DocGenerationFlag); ok {
			text = documented.GetUsage()
		}
		found = append(found, completed{"--" + f.Names()[0], text})
	}
	return found
}

// having returns the words that begin with prefix.
func having(prefix string, all []completed) []completed {
	return slices.DeleteFunc(all, func(c completed) bool { return !strings.HasPrefix(c.name, prefix) })
}
