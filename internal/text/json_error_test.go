package text

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONError(t *testing.T) {
	t.Parallel()
	type inner struct {
		N int `json:"n"`
	}
	for document, want := range map[string]string{
		``:                         "it ends early, so that it is damaged",
		`{"a": [{"n": 1`:           "it ends early, so that it is damaged",
		`hello`:                    "byte 1 is not JSON",
		`{"a": [{"n": 1}}`:         "byte 16 is not JSON",
		`{"a": [{"n": "x"}]}`:      `its field "a.n" holds string, which it must not`,
		`[1]`:                      "it holds array in place of the document",
		`{"a": [], "other": true}`: `unknown field "other"`,
	} {
		var v struct {
			A []inner `json:"a"`
		}
		d := json.NewDecoder(strings.NewReader(document))
		d.DisallowUnknownFields()
		err := d.Decode(&v)
		if err == nil {
			t.Fatalf("%s is valid", document)
		}
		if got := JSONError(err).Error(); !strings.HasPrefix(got, want) || strings.Contains(got, "Go ") {
			t.Errorf("%s: %q, want %q", document, got, want)
		}
	}
}
