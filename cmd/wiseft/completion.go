package main

import (
	"context"
	"embed"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed completion
var completionScripts embed.FS

const shells = "bash|zsh|fish|pwsh"

func newCompletionCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "completion",
		Usage:     "print the script that completes command lines in a shell",
		ArgsUsage: shells,
		Description: "Commands, flags, and the names that a flag takes are completed: methods, solvers, suites, and tensors of\n" +
			"the model on the line; otherwise files.\n\n" +
			"Examples:\n" +
			"  source <(wiseft completion bash)       in ~/.bashrc\n" +
			"  source <(wiseft completion zsh)        in ~/.zshrc, behind compinit\n" +
			"  wiseft completion fish | source        in ~/.config/fish/config.fish\n" +
			"  wiseft completion pwsh | Out-String | Invoke-Expression",
	}, exactly(shells), func(_ context.Context, c *call) (result, error) {
		script, err := completionScripts.ReadFile("completion/wiseft." + c.args[0])
		if err != nil {
			return nil, usagef("there is no completion for %q", c.args[0]).WithHint("%s", c.usageHint())
		}
		return &page{"wiseft.completion/1", string(script)}, nil
	})
}

func newManCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		Description: "Examples:\n  wiseft man | man -l -\n  wiseft man > ~/.local/share/man/man1/wiseft.1",
	}, exactly(), func(_ context.Context, c *call) (result, error) {
		text, err := c.App.ToManWithSection(1)
		return &page{"wiseft.man/1", text}, err
	})
}

// page is a text that is printed as it is.
type page struct {
	Schema string `json:"schema"`
	Text   string `json:"text"`
}

func (p *page) writeText(w io.Writer) error {
	_, err := io.WriteString(w, strings.TrimSuffix(p.Text, "\n")+"\n")
	return err
}
