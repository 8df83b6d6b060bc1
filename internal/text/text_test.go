package text

import (
	"bytes"
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
