package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
)

// commands is the command list, in the order of help.
func commands() []*cli.Command {
	return []*cli.Command{
		newMergeCommand(),
		newFeaturesCommand(),
		newProbeCommand(),
		newSweepCommand(),
		newExperimentCommand(),
		newBenchCommand(),
		newCollectCommand(),
		newCompareCommand(),
		newReportCommand(),
		newSubmitCommand(),
		newSoupCommand(),
		newDemoCommand(),
		newWeightsCommand(),
		newRecipeCommand(),
		newInspectCommand(),
		newVerifyCommand(),
		newDiffCommand(),
		newDataCommand(),
		newCorruptCommand(),
		newListCommand(),
		newDoctorCommand(),
		newCompletionCommand(),
		newManCommand(),
	}
}

// newApp returns the program; line is its command line as the user wrote it.
func newApp(con console, line []string) *cli.App {
	return &cli.App{
		Name:            "wiseft",
		Usage:           "merge fine-tuned ONNX models with their pre-trained ones, and measure the result",
		Version:         version(),
		Commands:        commands(),
		Writer:          con.out,
		ErrWriter:       con.err,
		HideHelpCommand: true,
		// --param weight=1,0.5 is one parameter.
		DisableSliceFlagSeparator: true,
		Metadata:                  map[string]any{"console": con, "line": line},
		ExitErrHandler:            func(*cli.Context, error) {}, // run prints errors and returns the exit code
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

// newGroup completes a command that does nothing but hold sub-commands.
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

// action does the work of a command.
type action func(ctx context.Context, c *call) (result, error)

// newCommand completes c: it adds the common flags, checks the arguments, and prints the result of do as text or JSON.
func newCommand(c *cli.Command, args arguments, do action) *cli.Command {
	var asJSON, quiet bool
	c.Flags = append(c.Flags, commonFlags(&asJSON, &quiet)...)
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	c.Action = func(cc *cli.Context) error {
		con := cc.App.Metadata["console"].(console)
		call := &call{Context: cc, console: con, args: cc.Args().Slice(), bar: newProgress(con),
			quiet: quiet, asJSON: asJSON, line: cc.App.Metadata["line"].([]string),
			notes: &sayOnce{lines: map[string]bool{}}}
		if err := args.check(call); err != nil {
			return err
		}
		if err := call.fetch(cc.Context, cc.Command.Flags); err != nil {
			call.bar.end()
			return err
		}
		r, err := do(cc.Context, call)
		call.bar.end()
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(call.out, r)
		}
		return printText(call.out, r.writeText)
	}
	return c
}

// commonFlags are the flags of every command. They may precede its name.
func commonFlags(asJSON, quiet *bool) []cli.Flag {
	return section("Common:",
		define(asJSON, "json", "print one JSON document instead of text").env(),
		define(quiet, "quiet", "no progress").alias("q").env())
}

// arguments are the names of the arguments that a command takes.
type arguments struct {
	names []string
	more  bool // further arguments are allowed
}

func exactly(names ...string) arguments { return arguments{names: names} }
func atLeast(names ...string) arguments { return arguments{names: names, more: true} }

// check returns an error that names a missing or an unexpected argument.
func (a arguments) check(c *call) error {
	var e *fault.Error
	switch n := len(c.args); {
	case n < len(a.names):
		e = usagef("missing %s", strings.Join(a.names[n:], " and "))
	case n > len(a.names) && !a.more:
		e = usagef("unexpected argument %q", c.args[len(a.names)])
	default:
		return nil
	}
	return e.WithHint("%s", c.usageHint())
}

// call is one run of a command.
type call struct {
	*cli.Context
	console
	args, line    []string // the arguments; the whole command line
	quiet, asJSON bool
	bar           *progress
	notes         *sayOnce
}

// sayOnce knows which lines were said.
type sayOnce struct {
	mu    sync.Mutex
	lines map[string]bool
}

// first reports whether a line was not said before.
func (s *sayOnce) first(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.lines[line]
	s.lines[line] = true
	return !said
}

func (c *call) usageHint() string {
	return fmt.Sprintf("usage: %s %s", c.Command.HelpName, c.Command.ArgsUsage)
}

// note writes one line to standard error, unless --quiet is given. A line is written once.
func (c *call) note(line string) {
	if c.quiet || !c.notes.first(line) {
		return
	}
	c.bar.end()
	fmt.Fprintln(c.err, "wiseft: "+text.Visible(line))
}

// monitor shows the progress and the notes of a library call.
func (c *call) monitor() wiseft.Monitor {
	if c.quiet {
		return wiseft.Monitor{}
	}
	return wiseft.Monitor{Progress: c.bar.set, Note: c.note}
}

// run executes the program and returns its exit code.
func run(ctx context.Context, args []string, con console) int {
	app := newApp(con, args)
	if len(args) > 1 && args[1] == completeCommand {
		writeCompletions(con.out, app, args[2:])
		return exitDone
	}
	asJSON := false
	args, err := spellHelp(app, args)
	if err == nil {
		args, asJSON, err = reorder(app, args, con.getenv)
	}
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		return exitDone
	}
	return fail(ctx, con, err, asJSON)
}
