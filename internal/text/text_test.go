package text

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
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

// The oracle is json.Indent, for documents in pieces of every length.
func TestIndenter(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		`0`, `""`, `{}`, `[]`, `[[]]`, `[{}]`, `{"a":[]}`, `{"a":{},"b":[1,2,{"c":null}]}`, `[[[[[[[[[[1,[]]]]]]]]]]]`,
		`"{\"a\": [1, 2]}"`, `{"a\\":"b\\\"[,","c:{":"]}"}`, `[true,false,-1.5e+300,"é…"]`,
	} {
		var want bytes.Buffer
		if err := json.Indent(&want, []byte(document), "", "  "); err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= len(document); size++ {
			var got bytes.Buffer
			w := &indenter{out: bufio.NewWriter(&got)}
			for piece := range slices.Chunk([]byte(document), size) {
				if n, err := w.Write(piece); n != len(piece) || err != nil {
					t.Fatalf("%s: wrote %d bytes of %d (%v)", document, n, len(piece), err)
				}
			}
			if err := w.out.Flush(); err != nil || got.String() != want.String() {
				t.Errorf("%s in pieces of %d: got\n%s (%v), want\n%s", document, size, &got, err, &want)
			}
		}
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteJSONFails(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteJSON(&b, map[string]any{"a": 1, "b": func() {}}); err == nil || b.Len() > 0 {
		t.Errorf("a function is written as %q (%v)", b.String(), err)
	}
	if err := WriteJSON(full{}, 1); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a failing writer gives %v", err)
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "a\tb\n": "a\tb\n", "é…√": "é…√", "\x1b[2Jx": `\u001b[2Jx`, "a\rb\x00\x7f": `a\u000db\u0000\u007f`,
		"a,b\r\nc\r\n": "a,b\r\nc\r\n", "a\r\r\nb": `a\u000d` + "\r\nb", "\u009b2J": `\u009b2J`, "a\u202eb": `a\u202eb`,
	} {
		var w strings.Builder
		if _, err := io.WriteString(VisibleWriter(&w), s); err != nil || w.String() != want {
			t.Errorf("%q: got %q (%v), want %q", s, w.String(), err, want)
		}
	}
}
