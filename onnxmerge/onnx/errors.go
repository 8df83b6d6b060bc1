package onnx

import (
	"errors"
	"fmt"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// FormatError reports bytes that are not a valid ONNX model.
type FormatError string

func (e FormatError) Error() string { return string(e) }

// Kind returns fault.Input.
func (FormatError) Kind() fault.Kind { return fault.Input }

// UnsupportedError reports a valid model with a feature that is not supported.
type UnsupportedError string

func (e UnsupportedError) Error() string { return string(e) }

// Kind returns fault.Input.
func (UnsupportedError) Kind() fault.Kind { return fault.Input }

// MismatchError reports a model and a value for it that do not fit together, such as a classifier of another width.
type MismatchError string

func (e MismatchError) Error() string { return string(e) }

// Kind returns fault.Mismatch.
func (MismatchError) Kind() fault.Kind { return fault.Mismatch }

func formatf(format string, args ...any) error {
	return FormatError(fmt.Sprintf(format, args...))
}

// asFormat converts an error of package wire into a FormatError with context in front. Other errors keep their chain.
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
