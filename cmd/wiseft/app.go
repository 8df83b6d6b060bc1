package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// commands is the command list, in the order of help.
func commands() []*cli.Command {
	return []*cli.Command{
		newMergeCommand(),
		newFeaturesCommand(),
		newProbeCommand(),
		newSweepCommand(),
		newBenchCommand(),
		newCollectCommand(),
		newCompareCommand(),
		newReportCommand(),
		newSubmitCommand(),
		newSoupCommand(),
		newDemoCommand(),
		newRecipeCommand(),
		newInspectCommand(),
		newVerifyCommand(),
		newDiffCommand(),
		newDataCommand(),
		newCorruptCommand(),
		newListCommand(),
		newDoctorCommand(),
	}
}

func newApp(con console) *cli.App {
	return &cli.App{
		Name:            "wiseft",
		Usage:           "merge fine-tuned ONNX models with their pre-trained ones, and measure what it brings",
		Version:         wiseft.Version,
		Commands:        commands(),
		Writer:          con.out,
		ErrWriter:       con.err,
		HideHelpCommand: true,
		// --param weight=1,0.5 is one parameter.
		DisableSliceFlagSeparator: true,
		Metadata:                  map[string]any{"console": con},
		ExitErrHandler:            func(*cli.Context, error) {}, // run decides
		CustomAppHelpTemplate:     cli.AppHelpTemplate + "\nStart with: wiseft demo\n",
		OnUsageError:              onUsageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.App.Commands, c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return usagef("%w", err) }

func unknownCommand(list []*cli.Command, name string) error {
	e := usagef("there is no command %q", name).WithHint("run wiseft --help")
	if near := cli.SuggestCommand(list, name); near != "" {
		return e.WithHint("%s?", strings.TrimSuffix(strings.Replace(near, "Did you", "did you", 1), "?"))
	}
	return e
}

// newGroup completes a command that has sub-commands alone.
func newGroup(c *cli.Command) *cli.Command {
	var names []string
	for _, sub := range c.Subcommands {
		names = append(names, sub.Name)
	}
	c.HideHelpCommand, c.OnUsageError = true, onUsageError
	c.Action = func(cc *cli.Context) error {
		if cc.Args().Present() {
			return unknownCommand(c.Subcommands, cc.Args().First())
		}
		return usagef("%s needs one of %s", c.Name, strings.Join(names, ", ")).WithHint("run wiseft %s --help", c.Name)
	}
	return c
}

// result is what a command reports: as JSON with --json, else as text.
type result interface {
	writeText(w io.Writer) error
}

// newCommand completes c: common flags, flags after arguments, one result printed in
// one of two forms.
func newCommand(c *cli.Command, action func(ctx context.Context, c *call) (result, error)) *cli.Command {
	c.Flags = append(c.Flags,
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document instead of text", EnvVars: []string{"WISEFT_JSON"}, Category: "Common:"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress", EnvVars: []string{"WISEFT_QUIET"}, Category: "Common:"})
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	c.Action = func(cc *cli.Context) error {
		call := newCall(cc)
		r, err := action(cc.Context, call)
		call.bar.end()
		if err != nil {
			return err
		}
		if !call.Bool("json") {
			return r.writeText(call.out)
		}
		return writeJSON(call.out, r)
	}
	return c
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// call is one run of a command: its flags and arguments, and where to write.
type call struct {
	*cli.Context
	console
	bar *progress
}

func newCall(c *cli.Context) *call {
	con := c.App.Metadata["console"].(console)
	return &call{c, con, newProgress(con)}
}

// args returns exactly n arguments, named in the error if they are not there.
func (c *call) args(names ...string) ([]string, error) {
	got := c.Args().Slice()
	if len(got) == len(names) {
		return got, nil
	}
	if len(got) < len(names) {
		return nil, usagef("missing %s", strings.Join(names[len(got):], " and ")).WithHint("%s", c.usageHint())
	}
	return nil, usagef("unexpected argument %q", got[len(names)]).WithHint("%s", c.usageHint())
}

// several returns one argument or more.
func (c *call) several(name string) ([]string, error) {
	if !c.Args().Present() {
		return nil, usagef("missing %s", name).WithHint("%s", c.usageHint())
	}
	return c.Args().Slice(), nil
}

func (c *call) usageHint() string {
	return fmt.Sprintf("usage: %s %s", c.Command.HelpName, c.Command.ArgsUsage)
}

// say writes one line to standard error, unless --quiet is given.
func (c *call) say(line string) {
	if !c.Bool("quiet") {
		c.bar.end()
		fmt.Fprintln(c.err, "wiseft: "+line)
	}
}

// monitor shows the progress and the notes of a library call.
func (c *call) monitor() wiseft.Monitor {
	if c.Bool("quiet") {
		return wiseft.Monitor{}
	}
	return wiseft.Monitor{Progress: c.bar.set, Note: c.say}
}

// run executes the program and returns its exit code.
func run(ctx context.Context, args []string, con console) int {
	app := newApp(con)
	args, asJSON, err := reorder(app, args, con.getenv)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		return exitDone
	}
	return fail(ctx, con, err, asJSON)
}
