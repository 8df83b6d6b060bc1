package main

import (
	"flag"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// spellHelp returns a command line such as "wiseft help merge", or "wiseft probe help", as "wiseft merge --help".
func spellHelp(app *cli.App, args []string) ([]string, error) {
	list := app.Commands
	for i := 1; i < len(args) && len(list) > 0; i++ {
		if common, _ := leadingFlags(args[i : i+1]); len(common) > 0 {
			continue
		}
		if args[i] == "help" {
			of := args[i+1:]
			for i, name := range of {
				if name == "help" { // wiseft help help
					of = of[:i]
					break
				}
				at := slices.IndexFunc(list, func(c *cli.Command) bool { return c.HasName(name) })
				if at < 0 {
					return nil, unknownCommand(list, name)
				}
				list = list[at].Subcommands
			}
			return slices.Concat(args[:i], of, []string{"--help"}), nil
		}
		at := slices.IndexFunc(list, func(c *cli.Command) bool { return c.HasName(args[i]) })
		if at < 0 {
			break
		}
		list = list[at].Subcommands
	}
	return args, nil
}

// commandLine is a command line without its flags parsed.
type commandLine struct {
	words []string       // the program, the command and its sub-command
	rest  []string       // flags and arguments, those flags first that stood before the command
	list  []*cli.Command // those that may follow words; nil behind a command that has none
	flags []cli.Flag     // of the command
}

// findCommand splits a command line behind its command.
func findCommand(app *cli.App, args []string) (l commandLine, err error) {
	l = commandLine{words: args[:min(1, len(args))], list: app.Commands, flags: []cli.Flag{cli.HelpFlag, cli.VersionFlag}}
	var common []string
	takesArguments := false
	for l.rest = args[len(l.words):]; len(l.list) > 0; {
		further, behind := leadingFlags(l.rest)
		common, l.rest = append(common, further...), behind
		next := ""
		if len(l.rest) > 0 {
			next = l.rest[0]
		}
		at := slices.IndexFunc(l.list, func(c *cli.Command) bool { return c.HasName(next) })
		if at < 0 && takesArguments {
			l.list = nil // what follows is no sub-command
			break
		}
		if next == "" || strings.HasPrefix(next, "-") {
			return l, nil // no command, whose flags the common ones are
		}
		if at < 0 {
			return l, unknownCommand(l.list, next)
		}
		takesArguments = l.list[at].ArgsUsage != ""
		l.flags = append([]cli.Flag{cli.HelpFlag}, l.list[at].Flags...)
		l.words = append(l.words[:len(l.words):len(l.words)], next)
		l.list, l.rest = l.list[at].Subcommands, l.rest[1:]
	}
	l.rest = append(common, l.rest...)
	return l, nil
}

// reorder moves the flags of a command in front of its arguments, because urfave/cli v2 stops at the first argument and
// would take later flags for file names. Flags of every command may also stand before its name. asJSON reports whether
// --json is given: it decides how errors are printed, including the error that reorder returns.
func reorder(app *cli.App, args []string, getenv func(string) string) (ordered []string, asJSON bool, err error) {
	asJSON, _ = strconv.ParseBool(getenv("WISEFT_JSON"))
	l, err := findCommand(app, args)
	if err != nil || len(l.list) > 0 {
		asJSON = asJSON || slices.Contains(args, "--json")
	}
	if err != nil {
		return nil, asJSON, err
	}
	var moved, plain []string
	asHelp := false
	for i := 0; i < len(l.rest); i++ {
		arg := l.rest[i]
		if arg == "--" {
			plain = append(plain, l.rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			plain = append(plain, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		f := findFlag(l.flags, name)
		if f == nil {
			return nil, asJSON || slices.Contains(l.rest, "--json"), l.unknownFlag(arg, name)
		}
		if asHelp = asHelp || f == cli.HelpFlag; asHelp && len(l.list) == 0 {
			return append(l.words, "--help"), asJSON, nil // whatever the arguments are
		}
		moved = append(moved, arg)
		if isBool(f) {
			if name == "json" {
				asJSON = !hasValue || value == "true"
			}
			continue
		}
		if !hasValue {
			if i+1 == len(l.rest) {
				return nil, asJSON, usagef("flag %s needs a value", arg)
			}
			i++
			moved = append(moved, l.rest[i])
		}
	}
	if asHelp && len(plain) > 0 && !slices.ContainsFunc(l.list, func(c *cli.Command) bool { return c.HasName(plain[0]) }) {
		return nil, asJSON, unknownCommand(l.list, plain[0])
	}
	ordered = append(l.words, moved...)
	if len(plain) > 0 {
		ordered = append(append(ordered, "--"), plain...)
	}
	return ordered, asJSON, nil
}

// unknownFlag returns the error about a flag that the command, or the program, does not have.
func (l commandLine) unknownFlag(arg, name string) error {
	if hasFlag(l.list, name) {
		return usagef("the flag %s stands before the command", arg).
			WithHint("flags follow the name of their command: wiseft COMMAND %s", arg)
	}
	return unknownFlag(l.flags, arg)
}

// leadingFlags splits flags that every command has off the begin of a command line.
func leadingFlags(args []string) (flags, rest []string) {
	common := commonFlags(new(bool), new(bool))
	n := 0
	for n < len(args) && strings.HasPrefix(args[n], "-") {
		name, _, _ := strings.Cut(strings.TrimLeft(args[n], "-"), "=")
		if findFlag(common, name) == nil {
			break
		}
		n++
	}
	return slices.Clone(args[:n]), args[n:]
}

// hasFlag reports whether a command of the list, or of its groups, has a flag.
func hasFlag(list []*cli.Command, name string) bool {
	return slices.ContainsFunc(list, func(c *cli.Command) bool {
		return findFlag(c.Flags, name) != nil || hasFlag(c.Subcommands, name)
	})
}

// givenFlags returns the values of flags by their first names, "" for those without one. args are as reorder returns
// them, behind the command: flags, then -- and arguments.
func givenFlags(flags []cli.Flag, args []string) map[string]string {
	given := map[string]string{}
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		name, value, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		f := findFlag(flags, name)
		if f == nil {
			continue // --help
		}
		if !hasValue && !isBool(f) && i+1 < len(args) {
			i++
			value = args[i]
		}
		given[f.Names()[0]] = value
	}
	return given
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func isBool(f cli.Flag) bool {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	if f.Apply(set) != nil {
		return false
	}
	b, ok := set.Lookup(f.Names()[0]).Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}
