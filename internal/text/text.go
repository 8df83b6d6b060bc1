// Package text writes values as the command line and the files of a run show them.
package text

import (
	"encoding/json"
	"fmt"
	"io"
)

// Count returns "1 model" or "3 models".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WriteJSON writes v as an indented document, without escapes for HTML, and with those of [Visible].
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(VisibleWriter(w))
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
