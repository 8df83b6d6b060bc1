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

// reorder moves the flags of a command in front of its arguments, because urfave/cli v2 stops at the first argument and
// would take later flags for file names. asJSON reports whether --json is given: it decides how errors are printed,
// including the error that reorder returns.
func reorder(app *cli.App, args []string, getenv func(string) string) (ordered []string, asJSON bool, err error) {
	asJSON, _ = strconv.ParseBool(getenv("WISEFT_JSON"))
	list, flags := app.Commands, []cli.Flag{cli.HelpFlag, cli.VersionFlag}
	ordered = args[:min(1, len(args))]
	rest, takesArguments := args[len(ordered):], false
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") { // the command and its sub-command
		at := slices.IndexFunc(list, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if at < 0 {
			if takesArguments {
				list = nil // what follows is no sub-command
			}
			break
		}
		takesArguments = list[at].ArgsUsage != ""
		flags = append([]cli.Flag{cli.HelpFlag}, list[at].Flags...)
		list = list[at].Subcommands
		ordered, rest = append(ordered[:len(ordered):len(ordered)], rest[0]), rest[1:]
	}
	var moved, plain []string
	asHelp := false
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if arg == "--" {
			plain = append(plain, rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			plain = append(plain, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		f := findFlag(flags, name)
		if f == nil {
			return nil, asJSON || slices.Contains(rest, "--json"), unknownFlag(flags, arg)
		}
		if asHelp = asHelp || f == cli.HelpFlag; asHelp && len(list) == 0 {
			return append(ordered, "--help"), asJSON, nil // whatever the arguments are
		}
		moved = append(moved, arg)
		if isBool(f) {
			if name == "json" {
				asJSON = !hasValue || value == "true"
			}
			continue
		}
		if !hasValue {
			if i+1 == len(rest) {
				return nil, asJSON, usagef("flag %s needs a value", arg)
			}
			i++
			moved = append(moved, rest[i])
		}
	}
	if asHelp && len(plain) > 0 && !slices.ContainsFunc(list, func(c *cli.Command) bool { return c.HasName(plain[0]) }) {
		return nil, asJSON, unknownCommand(list, plain[0])
	}
	ordered = append(ordered, moved...)
	if len(plain) > 0 {
		ordered = append(append(ordered, "--"), plain...)
	}
	return ordered, asJSON, nil
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
