package method

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the page of all methods: what each does, its parameters, and where
// it differs from reference implementations.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Merge methods\n\n" +
		"Written by `go test ./onnxmerge/method -run TestPage -update`; `wiseft list methods NAME` shows the same. The base is the first model, the\n" +
		"pre-trained one; tau_i = theta_i - base is the task vector of model i. Arithmetic is float64, with one rounding to the stored dtype.\n\n" +
		"| method | what it does | models | base | memory |\n|---|---|---|---|---|\n")
	for _, name := range Names() {
		m := methods[name]
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", name, name, m.Doc, m.Takes(), m.BaseText(), strings.SplitN(m.Class.String(), ":", 2)[0])
	}
	for _, name := range Names() {
		methods[name].markdown(&b)
	}
	differences(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// BaseText says in a word whether the first model is the base.
func (m Method) BaseText() string {
	if m.Base {
		return "yes"
	}
	if _, err := m.Param("base"); err == nil {
		return "optional"
	}
	return "no"
}

func (m Method) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n", m.Name, strings.ToUpper(m.Doc[:1])+m.Doc[1:])
	fmt.Fprintf(b, "    %s\n\n", m.Formula)
	if m.Detail != "" {
		fmt.Fprintf(b, "%s\n\n", m.Detail)
	}
	fmt.Fprintf(b, "Models: %s. Base: %s. Memory: %s.\nSource: %s.\n", m.Takes(), m.BaseText(), m.Class, m.Source)
	if len(m.Params) == 0 {
		return
	}
	b.WriteString("\n| parameter | range | default | meaning |\n|---|---|---|---|\n")
	for _, p := range m.Params {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", p.Name, p.Range(), p.DefaultText(), p.Doc)
	}
}

// DefaultText writes the default, "none" if the parameter may be absent.
func (p Param) DefaultText() string {
	if p.Default == nil {
		return "none"
	}
	return fmt.Sprint(p.Default)
}

func differences(b *strings.Builder) {
	b.WriteString("\n## Deliberate differences from reference implementations\n\n| method | reference | theirs | ours | reason |\n|---|---|---|---|---|\n")
	for _, name := range Names() {
		for _, d := range methods[name].Differs {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", name, d.Reference, d.Theirs, d.Ours, d.Reason)
		}
	}
}
