package onnx

import (
	"errors"
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// FormatError reports that the bytes are not a valid ONNX model.
type FormatError string

func (e FormatError) Error() string { return string(e) }

// UnsupportedError reports a valid model that uses something wiseft does not do.
type UnsupportedError string

func (e UnsupportedError) Error() string { return string(e) }

// MismatchError reports a model and something meant for it that do not fit together.
type MismatchError string

func (e MismatchError) Error() string { return string(e) }

func formatf(format string, args ...any) error {
	return FormatError(fmt.Sprintf(format, args...))
}

// asFormat turns an error of the wire layer into a FormatError, with what was being
// read in front. Other errors (reading the file) keep their chain.
func asFormat(err error, context string) error {
	var known FormatError
	var unsupported UnsupportedError
	switch {
	case err == nil, errors.As(err, &known), errors.As(err, &unsupported):
		return err
	case errors.Is(err, wire.ErrMalformed):
		return formatf("%s: %v", context, err)
	}
	return fmt.Errorf("%s: %w", context, err)
}
