package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	for name, r := range results() {
		if r.Statistics == nil {
			r.Statistics = &result.Statistics{Level: 0.95}
		}
		for _, format := range Names() {
			var want, got bytes.Buffer
			wantErr := Write(&want, format, r)
			back, err := Read(bytes.NewReader(document(t, r)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			gotErr := Write(&got, format, back)
			if !bytes.Equal(got.Bytes(), want.Bytes()) || (gotErr == nil) != (wantErr == nil) {
				t.Errorf("%s: %s of the result that was read back differs", name, format)
			}
		}
	}
}

func document(t *testing.T, r *result.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, "json", r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(r *result.Result)
		want   string
	}{
		"schema": {func(r *result.Result) { r.Schema = "wiseft.diff/1" },
			`schema "wiseft.diff/1" is not that of a sweep or benchmark, wiseft.sweep/1 or wiseft.bench/1`},
		"no models": {func(r *result.Result) { r.Models = nil }, "the result has no models"},
		"old": {func(r *result.Result) { r.Statistics = nil },
			"the result has no statistics: an earlier version made it; make it again with wiseft collect RUN"},
		"null model": {func(r *result.Result) { r.Models[1] = nil }, "model 1 has no name or no figures of clean data"},
		"no clean": {func(r *result.Result) { r.Models[2].Clean = nil },
			"model 2 has no name or no figures of clean data"},
		"twice": {func(r *result.Result) { r.Models[2].ID = r.Models[1].ID }, `two models are called "alpha=0.1"`},
		"no samples": {func(r *result.Result) { r.Models[2].Clean.N = 0 },
			`model "alpha=0.2": test set 0 has no clean samples`},
		"percent": {func(r *result.Result) { r.Models[2].Clean.OA = 88.9 },
			`model "alpha=0.2": clean: accuracy 88.9 is not between 0 and 1`},
		"corruption": {func(r *result.Result) { r.Models[2].Corruptions["jitter"] = nil },
			`model "alpha=0.2": jitter has no figures`},
		"chosen": {func(r *result.Result) { r.Chosen.ID = "alpha=7" }, `the chosen model "alpha=7" is not among the models`},
		"comparison": {func(r *result.Result) { r.Statistics.Comparisons[3].B = "alpha=7" },
			"comparison 3 does not name two of the models"},
		"classes": {func(r *result.Result) { r.Changes.Classes[1].Of = nil }, "class 1 of the changes has no counts of 8 columns"},
		"classes of one model": {func(r *result.Result) { r.Changes.Classes[0].Against = nil },
			"class 0 of the changes has no counts of 8 columns"},
		"conditions": {func(r *result.Result) { r.Changes.Conditions[2] = nil }, "condition 2 of the changes has no samples"},
		"confusion":  {func(r *result.Result) { r.Changes.Confusion[2] = nil }, "confusion 2 of the changes is empty"},
		"answers": {func(r *result.Result) { r.Changes.Largest[0].Against = nil },
			"answer 8 of the changes is not that of two models"},
		"other tests": {func(r *result.Result) { r.Models[0].MoreTests[0] = nil },
			`model "alpha=0": test set 1 has no clean samples`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := full()
			test.change(r)
			_, err := Read(bytes.NewReader(document(t, r)))
			if _, ok := errors.AsType[*ResultError](err); !ok || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	for _, text := range []string{"", "{", "[]", "null", `{"schema": 3}`} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// Whatever replaces one of a result's values, the result is refused or reported, and nothing panics.
func TestReportsOfDamagedResults(t *testing.T) {
	t.Parallel()
	r := full()
	r.Models, r.Order = r.Models[8:10], r.Order[:2]
	for _, m := range r.Models {
		for _, name := range order[2:] {
			delete(m.Corruptions, name)
		}
	}
	r.Models[1].MoreTests = nil
	compareAll(r)
	changeAll(r)
	var tree any
	if err := json.Unmarshal(document(t, r), &tree); err != nil {
		t.Fatal(err)
	}
	damages := []any{nil, 1e300, -1.0, "<b>", []any{}, map[string]any{}}
	tried, reported := 0, 0
	damage(tree, func() {
		if tried++; tried%3 != 0 {
			return // saves time
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		reported++
		for _, name := range []string{"table", "markdown", "csv"} {
			if err := Write(io.Discard, name, back); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if reported%10 == 0 { // the page takes 20 ms
			if err := Write(io.Discard, "html", back); err != nil {
				t.Errorf("html: %v", err)
			}
		}
	}, damages)
	if tried < 2000 || reported < 200 {
		t.Fatalf("%d results were tried, %d reported", tried, reported)
	}
}

// damage replaces each value in turn by each of the damages; of lists, the first two elements.
func damage(at any, try func(), damages []any) {
	replace := func(value any, set func(any)) {
		for _, d := range damages {
			set(d)
			try()
		}
		set(value)
		damage(value, try, damages)
	}
	switch v := at.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			replace(v[key], func(d any) { v[key] = d })
		}
	case []any:
		for i, value := range v[:min(len(v), 2)] {
			replace(value, func(d any) { v[i] = d })
		}
	case string, float64, bool, nil:
	default:
		panic(fmt.Sprintf("json has no %T", at))
	}
}
