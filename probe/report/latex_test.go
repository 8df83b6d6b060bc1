package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestLaTeXGolden(t *testing.T) {
	t.Parallel()
	list := results()
	delete(list, "on_test")
	delete(list, "grid")
	golden(t, "latex", ".tex", list)
}

// All rows of a table have as many fields as its head, and no character of a name has a meaning in LaTeX.
func TestLaTeXTablesAreWhole(t *testing.T) {
	t.Parallel()
	escaped := regexp.MustCompile(`\\[&%$#_{}]`)
	tables := 0
	for name, r := range results() {
		var out bytes.Buffer
		if err := Write(&out, "latex", r); err != nil {
			t.Fatal(err)
		}
		fields := 0
		for line := range strings.Lines(out.String()) {
			if line == latexFit || line == latexFitEnd {
				continue
			}
			bare := escaped.ReplaceAllString(line, "")
			if strings.Count(bare, "{") != strings.Count(bare, "}") || strings.ContainsAny(bare, "#^~\t") {
				t.Errorf("%s: not escaped: %s", name, line)
			}
			switch {
			case strings.HasPrefix(line, `\begin{tabular}`):
				fields, tables = 0, tables+1
			case strings.HasSuffix(line, " \\\\\n"):
				if n := strings.Count(bare, "&"); fields == 0 {
					fields = n
				} else if n != fields {
					t.Errorf("%s: %d fields, want %d: %s", name, n+1, fields+1, line)
				}
			}
		}
	}
	if tables < len(results()) {
		t.Errorf("checked %d tables of %d results", tables, len(results()))
	}
}

func TestLaTeXText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{`a_b & 50 % \x`, `a\_b \& 50 \% \textbackslash{}x`},
		{"[1] *x", "{[}1] {*}x"}, // would be arguments of the line break before
		{"---alpha --x", `-{}-{}-alpha -{}-x`},
		{"−0.5 1–2", "$-$0.5 1--2"},
		{"a\nb\x00\xff", "a b��"},
		{"~^<>|{}$#", `\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}\{\}\$\#`},
	} {
		if got := latexText(test.in); got != test.want {
			t.Errorf("%q: got %s, want %s", test.in, got, test.want)
		}
	}
}
