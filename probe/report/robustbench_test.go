package report

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func TestRobustBenchGolden(t *testing.T) {
	t.Parallel()
	golden(t, "robustbench", ".robustbench.json", map[string]*result.Result{"full": full(), "single": single()})
}

// A part of a suite has no mean over it, and a benchmark has an entry for every model.
func TestRobustBench(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"partial_suite": 1, "full": 1, "bench": 3, "grid": 1} {
		r := results()[name]
		var out bytes.Buffer
		if err := Write(&out, "robustbench", r); err != nil {
			t.Fatal(err)
		}
		text := out.Bytes()
		if want == 1 {
			text = append(append([]byte("["), text...), ']')
		}
		var got []struct {
			Name        string
			Corruptions *string `json:"corruptions_acc"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != want {
			t.Fatalf("%s: got %d entries, want %d", name, len(got), want)
		}
		if whole := got[0].Corruptions != nil; whole == (name == "partial_suite") {
			t.Errorf("%s: got a mean over the suite %v", name, whole)
		}
		if got[0].Name != subjects(r)[0].ID {
			t.Errorf("%s: got %q, want %q", name, got[0].Name, subjects(r)[0].ID)
		}
	}
}
