// Package text writes values as the command line and the files of a run show them.
package text

import (
	"bufio"
	"encoding/json"
	"errors"
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

// WriteJSON writes v as an indented document, without escapes for HTML, and with those of [Visible]. It writes nothing if
// v is no JSON.
func WriteJSON(w io.Writer, v any) error {
	out := bufio.NewWriterSize(w, 64<<10)
	e := json.NewEncoder(VisibleWriter(&indenter{out: out}))
	e.SetEscapeHTML(false)
	return errors.Join(e.Encode(v), out.Flush())
}
