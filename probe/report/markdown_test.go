package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestMarkdownGolden(t *testing.T) {
	t.Parallel()
	golden(t, "markdown", ".md", results())
}

// All lines of a table have as many fields as its head, whatever the models' names.
func TestMarkdownTablesAreWhole(t *testing.T) {
	t.Parallel()
	tables := 0
	for name, r := range results() {
		var out bytes.Buffer
		if err := Write(&out, "markdown", r); err != nil {
			t.Fatal(err)
		}
		fields := 0
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "|") {
				fields = 0
				continue
			}
			n := strings.Count(line, "|") - strings.Count(line, `\|`)
			if fields == 0 {
				fields = n
				tables++
			}
			if n != fields {
				t.Errorf("%s: %d fields, want %d: %s", name, n-1, fields-1, line)
			}
		}
		if strings.Contains(out.String(), "<script") {
			t.Errorf("%s: a name is not escaped", name)
		}
	}
	if tables < len(results()) {
		t.Fatalf("%d tables were seen", tables)
	}
}

func TestManyModelsAreThinned(t *testing.T) {
	t.Parallel()
	r := fine(1000)
	models, note := shown(r)
	if len(models) > maxRows+5 || len(models) < 20 {
		t.Errorf("%d models are shown, want about %d", len(models), maxRows)
	}
	seen := map[string]bool{}
	for _, m := range models {
		seen[m.ID] = true
	}
	// Every 50th model and every 17th of the Pareto set are shown.
	for _, id := range []string{r.Chosen.ID, "alpha=0", "alpha=1", r.Models[350].ID, r.Pareto[17]} {
		if !seen[id] {
			t.Errorf("%s is not shown", id)
		}
	}
	if !strings.Contains(note, "of 1000 models") {
		t.Errorf("note: got %q", note)
	}
	if all, note := shown(full()); len(all) != 11 || note != "" {
		t.Errorf("of 11 models %d are shown, %q", len(all), note)
	}
}
