package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestEveryCommandHasAScript fails for a command, or a sub-command of a group, that no script of testdata/script runs.
func TestEveryCommandHasAScript(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d scripts (%v)", len(paths), err)
	}
	used := map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			noteCommands(used, line)
		}
	}
	commands := commandNames("", commands())
	if len(commands) < 20 {
		t.Fatalf("only %d commands", len(commands))
	}
	for _, name := range commands {
		if !used[name] {
			t.Errorf("no script of testdata/script runs wiseft %s", name)
		}
	}
}

// noteCommands records, for each line of a script that runs the program, the first word after its name and the first
// two.
func noteCommands(used map[string]bool, line string) {
	words := strings.Fields(line)
	for i, word := range words {
		if word != "wiseft" || !slices.Contains([]string{"exec", "!", "exits", "interrupt"}, words[0]) {
			continue
		}
		if i+1 < len(words) {
			used[words[i+1]] = true
		}
		if i+2 < len(words) {
			used[words[i+1]+" "+words[i+2]] = true
		}
		return
	}
}

// commandNames lists the commands without sub-commands, as they are typed.
func commandNames(group string, list []*cli.Command) (all []string) {
	for _, c := range list {
		if len(c.Subcommands) > 0 {
			all = append(all, commandNames(group+c.Name+" ", c.Subcommands)...)
		} else {
			all = append(all, group+c.Name)
		}
	}
	return all
}

// withoutVariable are the flags that no environment variable sets, by what they have in common; "COMMAND FLAG" is one of a
// command alone. Repeated flags have none either, since a variable has one value.
var withoutVariable = map[string][]string{
	"the file that one command writes": {"merge out", "features out", "probe fit out", "probe attach out", "soup out",
		"report out", "probe score confusion"},
	// WISEFT_DATA and WISEFT_OUTPUT are those of features.
	"what one command is asked about": {"verify pretrained", "verify finetuned", "report hub-data", "report plot",
		"report dark", "diff plot", "inspect tensors", "merge data", "verify data", "diff data", "probe attach output", "diff why"},
	"another meaning than that of the variable":         {"report format"}, // WISEFT_FORMAT is the format of data
	"what is done instead of the command's work":        {"merge plan", "submit dry-run", "doctor install"},
	"files of a job, which workers do not inherit":      {"submit name", "submit dir", "submit force"},
	"pictures, which somebody looks at":                 {"data view n", "data view size", "data view corruption"},
	"the demo, which shows the same figures everywhere": {"demo out", "demo alphas", "demo scans", "demo seed", "demo force"},
}

// TestFlagsHaveVariables fails for a flag without its environment variable, and for an exception that is none.
func TestFlagsHaveVariables(t *testing.T) {
	t.Parallel()
	excepted := map[string]bool{}
	for _, list := range withoutVariable {
		for _, name := range list {
			excepted[name] = true
		}
	}
	flags := 0
	var walk func(group string, list []*cli.Command)
	walk = func(group string, list []*cli.Command) {
		for _, c := range list {
			walk(group+c.Name+" ", c.Subcommands)
			for _, f := range c.Flags {
				flags++
				name := f.Names()[0]
				want := "WISEFT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
				has := slices.Contains(f.(cli.DocGenerationFlag).GetEnvVars(), want)
				_, repeated := f.(*cli.StringSliceFlag)
				full := group + c.Name + " " + name
				if !has && !repeated && !excepted[full] {
					t.Errorf("the flag %s has no variable %s", full, want)
				}
				if has && excepted[full] {
					t.Errorf("the flag %s is an exception and has a variable", full)
				}
				delete(excepted, full)
			}
		}
	}
	walk("", commands())
	if flags < 200 {
		t.Errorf("only %d flags", flags)
	}
	for name := range excepted {
		t.Errorf("the exception %s is no flag", name)
	}
}
