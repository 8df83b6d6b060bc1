package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/protocol"
)

const listNames = "methods|corruptions|suites|references|formats|labels|solvers|protocols|rules"

func newListCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:        "list",
		Usage:       "what there is: methods, corruptions, suites, references, formats, label maps, solvers, protocols, rules",
		ArgsUsage:   "methods [NAME]|corruptions|suites|references|formats|labels|solvers|protocols|rules",
		Description: "Examples:\n  wiseft list methods\n  wiseft list methods ties",
	}, atLeast(), runList)
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

// items returns the entries of a registry in the form of a list.
func items[T any](all []T, item func(T) listItem) []listItem {
	list := make([]listItem, len(all))
	for i, v := range all {
		list[i] = item(v)
	}
	return list
}

// lists has a function for each list, which returns the entries of a registry.
var lists = map[string]func() []listItem{
	"methods": func() []listItem {
		return items(method.All(), func(m method.Method) listItem { return listItem{m.Name, m.Doc, m.Formula, m.Source} })
	},
	"corruptions": func() []listItem { return items(corrupt.All(), listCorruption) },
	"suites": func() []listItem {
		return items(corrupt.Suites(), func(s corrupt.Suite) listItem {
			return listItem{Name: s.Name, Doc: s.Doc, Detail: strings.Join(s.Corruptions, ", ")}
		})
	},
	"references": func() []listItem {
		return items(metric.References(), func(r metric.Reference) listItem {
			return listItem{r.ID, r.Name, fmt.Sprintf("for the suite %s; clean %.4g", r.Suite, r.Clean), r.Source}
		})
	},
	"rules": func() []listItem {
		return items(choose.Rules(), func(r choose.Rule) listItem {
			return listItem{Name: r.Name, Doc: choose.Choice{Rule: r.Name, Points: 0.01}.Doc()}
		})
	},
	"formats": func() []listItem {
		return append(
			items(datasets.Formats(), func(f datasets.Format) listItem { return listItem{Name: f.Name, Doc: f.Doc} }),
			items(feature.Formats(), func(f feature.Format) listItem { return listItem{Name: "features: " + f.Name, Doc: f.Doc} })...)
	},
	"labels": func() []listItem {
		return items(datasets.LabelMaps(), func(m datasets.LabelMap) listItem { return listItem{Name: m.Name, Doc: m.Doc} })
	},
	"protocols": func() []listItem {
		return items(protocol.All(), func(p protocol.Protocol) listItem {
			var tasks []string
			for _, t := range p.Tasks {
				tasks = append(tasks, t.Name)
			}
			return listItem{Name: p.Name, Doc: p.Doc, Detail: "tasks: " + strings.Join(tasks, ", ")}
		})
	},
	"solvers": func() []listItem {
		return items(fit.Solvers(), func(s fit.Solver) listItem { return listItem{Name: s.Name, Doc: s.Doc} })
	},
}

func listCorruption(c corrupt.Corruption) listItem {
	source := c.Source
	if c.Note != "" {
		source += "; " + c.Note
	}
	return listItem{c.Name, c.Doc, "severities 1 to 5: " + strings.Join(c.Levels[:], ", "), source}
}

func runList(_ context.Context, c *call) (result, error) {
	if len(c.args) == 2 && c.args[0] == "methods" {
		m, err := method.Lookup(c.args[1])
		if err != nil {
			return nil, err
		}
		return methodPage.result(m.Page(), nil)
	}
	if err := exactly(listNames).check(c); err != nil {
		return nil, err
	}
	list, ok := lists[c.args[0]]
	if !ok {
		return nil, usagef("there is no list of %q", c.args[0]).WithHint("%s", c.usageHint())
	}
	return &listReport{"wiseft.list/1", c.args[0], list()}, nil
}

var methodPage = form[method.Page]{"wiseft.list/1", writeMethodPage}

func writeMethodPage(w io.Writer, p *method.Page) error {
	t := newTable(w)
	p.WriteText(t)
	return t.Flush()
}

func (r *listReport) writeText(w io.Writer) error {
	t := newTable(w)
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
