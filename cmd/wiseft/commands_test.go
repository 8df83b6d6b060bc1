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
