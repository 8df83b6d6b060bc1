package text

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Visible returns s, which may hold names from files, as a terminal may show it: control characters other than newlines
// (\r\n, too, as in CSV) and tabs, and marks that change the direction of text, are escaped as in JSON (\u001b).
func Visible(s string) string {
	if isPlain(s) || !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if hidden(r) && !strings.HasPrefix(s[i:], "\r\n") {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain reports whether s has nothing but newlines, tabs and visible characters of ASCII, as almost all texts do.
func isPlain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// hidden reports whether a character acts on a terminal instead of being shown.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069: // directions
		return true
	}
	return unicode.IsControl(r)
}

// VisibleWriter returns a writer of [Visible] text. A character, or \r\n, must not be split between two writes.
func VisibleWriter(w io.Writer) io.Writer { return visibleWriter{w} }

type visibleWriter struct{ w io.Writer }

func (v visibleWriter) Write(p []byte) (int, error) {
	if isPlain(p) {
		return v.w.Write(p)
	}
	if _, err := io.WriteString(v.w, Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
