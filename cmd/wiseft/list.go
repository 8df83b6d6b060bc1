package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
)

func newListCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:        "list",
		Usage:       "what there is: methods, corruptions, suites, references, formats, label maps, solvers, rules",
		ArgsUsage:   "methods [NAME]|corruptions|suites|references|formats|labels|solvers|rules",
		Description: "Examples:\n  wiseft list methods\n  wiseft list methods ties",
	}, runList)
}

type listReport struct {
	Schema string     `json:"schema"`
	Kind   string     `json:"kind"`
	Items  []listItem `json:"items"`
}

type listItem struct {
	Name   string `json:"name"`
	Doc    string `json:"doc"`
	Detail string `json:"detail,omitempty"` // formula, members, …
	Source string `json:"source,omitempty"`
}

// listers has a function for every kind of thing that registers itself.
var listers = map[string]func() []listItem{
	"methods": func() (items []listItem) {
		for _, name := range method.Names() {
			if m, err := method.Lookup(name); err == nil {
				items = append(items, listItem{m.Name, m.Doc, m.Formula, m.Source})
			}
		}
		return items
	},
	"corruptions": func() (items []listItem) {
		for _, c := range corrupt.All() {
			source := c.Source
			if c.Note != "" {
				source += "; " + c.Note
			}
			items = append(items, listItem{c.Name, c.Doc, fmt.Sprintf("severities 1 to 5: %s", strings.Join(c.Levels[:], ", ")), source})
		}
		return items
	},
	"suites": func() (items []listItem) {
		for _, s := range corrupt.Suites() {
			items = append(items, listItem{s.Name, s.Doc, strings.Join(s.Corruptions, ", "), ""})
		}
		return items
	},
	"references": func() (items []listItem) {
		for _, r := range metric.References() {
			items = append(items, listItem{r.ID, r.Name, fmt.Sprintf("for the suite %s; clean %.4g", r.Suite, r.Clean), r.Source})
		}
		return items
	},
	"rules": func() (items []listItem) {
		for _, r := range choose.Rules() {
			items = append(items, listItem{r.Name, choose.Choice{Rule: r.Name, Points: 0.01}.Doc(), "", ""})
		}
		return items
	},
	"formats": func() (items []listItem) {
		for _, f := range datasets.Formats() {
			items = append(items, listItem{f.Name, f.Doc, "", ""})
		}
		return items
	},
	"labels": func() (items []listItem) {
		for _, m := range datasets.LabelMaps() {
			items = append(items, listItem{m.Name, m.Doc, "", ""})
		}
		return items
	},
	"solvers": func() (items []listItem) {
		for _, s := range fit.Solvers() {
			items = append(items, listItem{s.Name, s.Doc, "", ""})
		}
		return items
	},
}

func runList(_ context.Context, c *call) (result, error) {
	if args := c.Args().Slice(); len(args) == 2 && args[0] == "methods" {
		return newMethodPage(args[1])
	}
	args, err := c.args("methods|corruptions|suites|references|formats|labels|solvers|rules")
	if err != nil {
		return nil, err
	}
	list, ok := listers[args[0]]
	if !ok {
		return nil, usagef("there is no list of %q", args[0]).WithHint("%s", c.usageHint())
	}
	return &listReport{"wiseft.list/1", args[0], list()}, nil
}

func (r *listReport) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, item := range r.Items {
		fmt.Fprintf(t, "%s\t%s\n", item.Name, item.Doc)
		for _, line := range []string{item.Detail, item.Source} {
			if line != "" {
				fmt.Fprintf(t, "\t  %s\n", line)
			}
		}
	}
	return t.Flush()
}
