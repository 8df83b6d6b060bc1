package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// JSONSpace are the characters that may surround a JSON value (RFC 8259, section 2).
const JSONSpace = " \t\r\n"

// JSONError says what is wrong with a JSON document in words of the document, not of the type that it was read into.
func JSONError(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		if strings.Contains(syntax.Error(), "unexpected end") {
			return errors.New("it ends early, so that it is damaged")
		}
		return fmt.Errorf("byte %d is not JSON (%v)", syntax.Offset, err)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return fmt.Errorf("it holds %s in place of the document", kind.Value)
		}
		return fmt.Errorf("its field %q holds %s, which it must not", kind.Field, kind.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("it ends early, so that it is damaged")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}
