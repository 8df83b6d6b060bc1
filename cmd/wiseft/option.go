package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// Every command has one struct of options. Its flags set the fields when the command line is parsed; where the text of
// a flag must be parsed further, a method of the struct returns the options of the library.

// option defines a flag that sets *dst. The initial value of *dst is the flag's default.
type option[T optionValue] struct {
	dst                             *T
	name, usage, short, defaultText string
	hasVariable                     bool
}

type optionValue interface {
	string | bool | int | uint64 | float64 | []string
}

// definition is an option of any type.
type definition interface {
	flag(category string) cli.Flag
}

// section returns flags under one heading of the help; "" is the general one.
func section(category string, list ...definition) []cli.Flag {
	flags := make([]cli.Flag, len(list))
	for i, d := range list {
		flags[i] = d.flag(category)
	}
	return flags
}

// define returns the option --name. In usage, backquotes enclose the name of the value.
func define[T optionValue](dst *T, name, usage string) *option[T] {
	return &option[T]{dst: dst, name: name, usage: usage}
}

// or sets the default.
func (o *option[T]) or(value T) *option[T] { *o.dst = value; return o }

// shown sets the text that describes the default in the help.
func (o *option[T]) shown(text string) *option[T] { o.defaultText = text; return o }

// alias adds a second name: a letter, or a former name.
func (o *option[T]) alias(name string) *option[T] { o.short = name; return o }

// env takes the value of the environment variable WISEFT_<NAME> if the flag is not given.
func (o *option[T]) env() *option[T] { o.hasVariable = true; return o }

func (o *option[T]) flag(category string) cli.Flag {
	var aliases, env []string
	if o.short != "" {
		aliases = []string{o.short}
	}
	if o.hasVariable {
		for _, name := range append([]string{o.name}, aliases...) {
			if len(name) > 1 || name == o.name {
				env = append(env, "WISEFT_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
			}
		}
	}
	switch dst := any(o.dst).(type) {
	case *string:
		return &cli.StringFlag{Name: o.name, Aliases: aliases, Usage: o.usage, EnvVars: env, Category: category,
			DefaultText: o.defaultText, Value: *dst, Destination: dst}
	case *bool:
		return &cli.BoolFlag{Name: o.name, Aliases: aliases, Usage: o.usage, EnvVars: env, Category: category,
			DefaultText: o.defaultText, Value: *dst, Destination: dst}
	case *int:
		return &cli.IntFlag{Name: o.name, Aliases: aliases, Usage: o.usage, EnvVars: env, Category: category,
			DefaultText: o.defaultText, Value: *dst, Destination: dst}
	case *uint64:
		return &cli.Uint64Flag{Name: o.name, Aliases: aliases, Usage: o.usage, EnvVars: env, Category: category,
			DefaultText: o.defaultText, Value: *dst, Destination: dst}
	case *float64:
		return &cli.Float64Flag{Name: o.name, Aliases: aliases, Usage: o.usage, EnvVars: env, Category: category,
			DefaultText: o.defaultText, Value: *dst, Destination: dst}
	case *[]string:
		return &cli.StringSliceFlag{Name: o.name, Aliases: aliases, Usage: o.usage, EnvVars: env, Category: category,
			DefaultText: o.defaultText, Action: func(_ *cli.Context, values []string) error { *dst = values; return nil }}
	}
	panic(fmt.Sprintf("wiseft: no flag sets a %T", o.dst))
}
