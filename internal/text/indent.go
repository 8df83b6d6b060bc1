package text

import "bufio"

// indenter writes a compact JSON document as json.Indent does with an indent of two spaces, but without holding it in
// memory: a document of 200,000 tensors takes 40 MB.
type indenter struct {
	out      *bufio.Writer // whose first error is that of its Flush
	depth    int
	inString bool
	escaped  bool // the character behind a backslash is next
	opened   bool // the last character has opened an object or a list
}

// Write implements io.Writer.
func (w *indenter) Write(p []byte) (int, error) {
	from := 0 // of what is not written yet
	until := func(i int) {
		_, _ = w.out.Write(p[from:i])
		from = i
	}
	for i, c := range p {
		if w.inString {
			w.inString = w.escaped || c != '"'
			w.escaped = !w.escaped && c == '\\'
			continue
		}
		isEnd, isFirst := c == '}' || c == ']', w.opened
		if isEnd {
			w.depth--
		}
		if isEnd != isFirst {
			until(i)
			w.line()
		}
		w.opened = c == '{' || c == '['
		switch c {
		case '"':
			w.inString = true
		case '{', '[':
			w.depth++
		case ',':
			until(i + 1)
			w.line()
		case ':':
			until(i + 1)
			_ = w.out.WriteByte(' ')
		}
	}
	until(len(p))
	return len(p), nil
}

// line begins a line.
func (w *indenter) line() {
	const spaces = "                "
	_ = w.out.WriteByte('\n')
	for left := 2 * w.depth; left > 0; left -= len(spaces) {
		_, _ = w.out.WriteString(spaces[:min(left, len(spaces))])
	}
}
