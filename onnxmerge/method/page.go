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
	agreementTable(&b)
	b.WriteString(leftOut)
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

func agreementTable(b *strings.Builder) {
	b.WriteString("\n## How near results are to the references' own\n\n" +
		"Reference implementations merged the same made-up tensors, of awkward shapes and contents, in float32. Theirs round after every operation; here a result is\n" +
		"rounded once. Wherever the reference's code was run in float64 too, what lies between its result and ours is no more than what lies between its two runs,\n" +
		"and one unit of the last place (ULP). The other half of the proof needs no float32: every method is compared with a formula of its own in numpy's float64\n" +
		"(`scripts/vectors/merge.py`). Deliberate differences, and tensors for which the reference's answer is rounding itself, are left out here.\n\n" +
		"| method | farthest, in ULP of the largest number that enters | numbers within 1 ULP of the result | why more than 1 |\n|---|---|---|---|\n")
	for _, name := range Names() {
		a := agreements[name]
		fmt.Fprintf(b, "| %s | %g | %g %% | %s |\n", name, a.ulp, a.within, a.why)
	}
}

// leftOut says what of the field is no method here.
const leftOut = `
## What there is no method for

- **RegMean** needs the Gram matrix of every linear layer's inputs: another kind of file than weights or a Fisher information, made by running each model on its data. A
  weight without a matrix falls back to the mean, so that without a command that makes these files a merge would be RegMean in name only.
- **AdaMerging** trains its coefficients on test inputs, and a learned soup on validation data: both need gradients.
- **Git Re-Basin** changes which channel is which before a merge; models that were fine-tuned from one another need none of it.
- **REPAIR** resets statistics by running data through the merged model: a step after a merge, of any method.
`
