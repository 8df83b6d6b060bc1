package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/wiseft/wiseft/internal/text"
)

// eachMember calls f with the names of the members of a JSON document that is one object; f decodes the value. Errors name what the
// document is.
func eachMember(what string, document []byte, f func(d *json.Decoder, name string) error) error {
	if !utf8.Valid(document) {
		return malformedf("%s is not UTF-8", what)
	}
	d := json.NewDecoder(bytes.NewReader(document))
	if err := members(d, f); err != nil {
		return malformedf("%s: %w", what, err)
	}
	if rest := bytes.Trim(document[d.InputOffset():], text.JSONSpace); len(rest) > 0 {
		return malformedf("%s has %d bytes after its end", what, len(rest))
	}
	return nil
}

// members calls f with the names of the members of the object that a decoder is at; f decodes the value.
func members(d *json.Decoder, f func(d *json.Decoder, name string) error) error {
	first, err := d.Token()
	if err != nil {
		return text.JSONError(err)
	}
	if first != json.Delim('{') {
		return errors.New("it has another value in place of an object")
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return text.JSONError(err)
		}
		name, _ := key.(string) // in an object nothing else is read without an error
		if seen[name] {
			return malformedf("it has %q twice", name)
		}
		seen[name] = true
		if err := f(d, name); err != nil {
			return malformedf("%q: %w", name, text.JSONError(err))
		}
	}
	if _, err := d.Token(); err != nil {
		return text.JSONError(err)
	}
	return nil
}
