package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// version is the version of a release build, set by the linker; other builds say
// what Go knows of their origin.
var version = ""

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

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
		Version:         buildVersion(),
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

func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{msg: err.Error()} }

func unknownCommand(list []*cli.Command, name string) error {
	e := usageError{msg: fmt.Sprintf("there is no command %q", name), hint: "run wiseft --help"}
	if near := cli.SuggestCommand(list, name); near != "" {
		e.hint = strings.TrimSuffix(strings.Replace(near, "Did you", "did you", 1), "?") + "?"
	}
	return e
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
}

func newCall(c *cli.Context) *call {
	return &call{c, c.App.Metadata["console"].(console)}
}

// args returns exactly n arguments, named in the error if they are not there.
func (c *call) args(names ...string) ([]string, error) {
	got := c.Args().Slice()
	if len(got) == len(names) {
		return got, nil
	}
	if len(got) < len(names) {
		return nil, usageError{msg: "missing " + strings.Join(names[len(got):], " and "), hint: c.usageHint()}
	}
	return nil, usageError{msg: fmt.Sprintf("unexpected argument %q", got[len(names)]), hint: c.usageHint()}
}

func (c *call) usageHint() string {
	return fmt.Sprintf("usage: %s %s", c.Command.HelpName, c.Command.ArgsUsage)
}

// say writes one line of news to standard error.
func (c *call) say(line string) {
	if !c.Bool("quiet") {
		fmt.Fprintln(c.err, "wiseft: "+line)
	}
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
