package text

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 units", 1: "1 unit", 2: "2 units"} {
		if got := Count(n, "unit"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, map[string]string{"a": "<b>"}); err != nil || b.String() != "{\n  \"a\": \"<b>\"\n}\n" {
		t.Errorf("got %q (%v)", b.String(), err)
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "a\tb\n": "a\tb\n", "é…√": "é…√", "\x1b[2Jx": `\u001b[2Jx`, "a\rb\x00\x7f": `a\u000db\u0000\u007f`,
		"\u009b2J": `\u009b2J`, "a\u202eb": `a\u202eb`,
	} {
		var w strings.Builder
		if _, err := io.WriteString(VisibleWriter(&w), s); err != nil || w.String() != want {
			t.Errorf("%q: got %q (%v), want %q", s, w.String(), err, want)
		}
	}
}
