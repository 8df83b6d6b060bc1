package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"go.yaml.in/yaml/v3"
)

// withHub adds names on a hub.
func withHub(r *result.Result) *result.Result {
	r.Hub = &result.Hub{BaseModels: []string{"me/pretrained", "me/finetuned"}, Data: "me/data", Task: "test"}
	return r
}

func TestCardGolden(t *testing.T) {
	t.Parallel()
	named := full()
	withHub(named)
	golden(t, "card", ".card.md", map[string]*result.Result{"hub": named, "bench": benchmark(), "single": single()})
}

// The front matter is YAML whatever the names, and has the figures of the result.
func TestCardMetadata(t *testing.T) {
	t.Parallel()
	for name, r := range results() {
		odd := "x: [y]\n---\n# \"é\\"
		r.Models[0].ID, r.Models[0].Name = odd, odd
		if r.Chosen != nil {
			r.Chosen.ID = odd
		}
		var out bytes.Buffer
		if err := Write(&out, "card", withHub(r)); err != nil {
			t.Fatal(err)
		}
		parts := strings.SplitN(out.String(), "---\n", 3)
		if len(parts) != 3 || parts[0] != "" {
			t.Fatalf("%s: no front matter: %.80s", name, out.String())
		}
		var got cardMetadata
		dec := yaml.NewDecoder(strings.NewReader(parts[1]))
		dec.KnownFields(true)
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, parts[1])
		}
		isMerge := r.Chosen != nil
		if (got.Relation == "merge") != isMerge || (len(got.BaseModels) == 2) != isMerge {
			t.Errorf("%s: got base models %v with relation %q", name, got.BaseModels, got.Relation)
		}
		models := subjects(r)
		if len(got.Index) != len(models) {
			t.Fatalf("%s: got %d models, want %d", name, len(got.Index), len(models))
		}
		for i, m := range models {
			metric := got.Index[i].Results[0].Metrics[0]
			if want := 100 * float64(m.Clean.OA); metric.Type != "accuracy" || metric.Value < want-1e-4 || metric.Value > want+1e-4 {
				t.Errorf("%s: %s: got %v, want accuracy %v", name, m.ID, metric, want)
			}
			if suite := len(got.Index[i].Results) > 1; suite != m.Exact.MOA.Known() {
				t.Errorf("%s: %s: figures of the suite: got %v, want %v", name, m.ID, suite, m.Exact.MOA.Known())
			}
		}
		if strings.Contains(parts[2], "<script") || strings.Contains(parts[2], "\n---\n") {
			t.Errorf("%s: a name is not escaped", name)
		}
	}
}

func TestEvalResults(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Write(&out, "eval-results", withHub(full())); err != nil {
		t.Fatal(err)
	}
	want := "- dataset:\n    id: me/data\n    task_id: test\n  value: 79.92\n" +
		"  notes: accuracy in percent on test, 95 % interval 77.9–81.9; merged by wiseft, Merge at alpha 0.8\n"
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	for _, test := range []struct {
		r    *result.Result
		kind fault.Kind
		want string
	}{
		{full(), fault.Usage, "whose name a run does not know"},
		{withHub(benchmark()), fault.Input, "this benchmark has 3"},
	} {
		out.Reset()
		err := Write(&out, "eval-results", test.r)
		if fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("got %v and %q, want an error with %q", err, out.String(), test.want)
		}
	}
}
