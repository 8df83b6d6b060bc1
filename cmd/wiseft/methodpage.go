package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/wiseft/wiseft/onnxmerge/method"
)

// methodPage is what list methods NAME prints.
type methodPage struct {
	Schema    string       `json:"schema"`
	Name      string       `json:"name"`
	Doc       string       `json:"doc"`
	Formula   string       `json:"formula"`
	Detail    string       `json:"detail,omitempty"`
	Source    string       `json:"source"`
	MinModels int          `json:"min_models"`
	MaxModels int          `json:"max_models"` // 0 is any number
	Base      bool         `json:"base"`
	Fisher    bool         `json:"fisher"`
	Memory    string       `json:"memory"`
	Params    []paramPage  `json:"params"`
	Differs   []differPage `json:"differs"`
	m         method.Method
}

type paramPage struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	Range   string `json:"range"`
	Default any    `json:"default"` // null if it may be absent
}

type differPage struct {
	Reference string `json:"reference"`
	Theirs    string `json:"theirs"`
	Ours      string `json:"ours"`
	Reason    string `json:"reason"`
}

func newMethodPage(name string) (*methodPage, error) {
	m, err := method.Lookup(name)
	if err != nil {
		return nil, err
	}
	page := &methodPage{Schema: "wiseft.list/1", Name: m.Name, Doc: m.Doc, Formula: m.Formula, Detail: m.Detail, Source: m.Source,
		MinModels: m.MinModels, MaxModels: m.MaxModels, Base: m.Base, Fisher: m.Fisher, Memory: m.Class.String(),
		Params: []paramPage{}, Differs: []differPage{}, m: m}
	for _, p := range m.Params {
		page.Params = append(page.Params, paramPage{p.Name, p.Doc, p.Range(), p.Default})
	}
	for _, d := range m.Differs {
		page.Differs = append(page.Differs, differPage(d))
	}
	return page, nil
}

func (p *methodPage) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s\n\t%s\n", p.Name, p.Doc, p.Formula)
	if p.Detail != "" {
		fmt.Fprintf(t, "\t%s\n", p.Detail)
	}
	fmt.Fprintf(t, "source\t%s\nmodels\t%s\nbase\t%s\nmemory\t%s\n", p.Source, p.m.Takes(), p.m.BaseText(), p.Memory)
	for _, x := range p.m.Params {
		fmt.Fprintf(t, "%s\t%s (default %s)\n\t  %s\n", x.Name, x.Range(), x.DefaultText(), x.Doc)
	}
	for _, d := range p.Differs {
		fmt.Fprintf(t, "differs\t%s: %s; here: %s (%s)\n", d.Reference, d.Theirs, d.Ours, d.Reason)
	}
	return t.Flush()
}
