// Package fault gives every error that a user may meet a kind. The kind decides the exit code of the
// command line and the "kind" field of its JSON; wiseft.KindOf makes it available to other programs.
//
// A library error either is an [Error], or is a type of its own (where callers need its fields) with a
// method Kind. An error without a kind is [Failed]: its cause lies outside of wiseft, such as a full disk,
// or is a bug.
package fault

import (
	"errors"
	"fmt"
)

// Kind is what an error is about.
type Kind int

// The kinds. Their numbers are not part of any format; their strings are.
const (
	Failed   Kind = iota // the system, or a bug: a full disk, a library that cannot be loaded
	Usage                // the request: an option out of range, an unknown name, an output that exists
	Input                // a file that is malformed, or valid and not supported
	Mismatch             // inputs that are valid one by one and do not fit together
)

// String returns the word that JSON documents use: failed, usage, input or mismatch.
func (k Kind) String() string {
	switch k {
	case Usage:
		return "usage"
	case Input:
		return "input"
	case Mismatch:
		return "mismatch"
	}
	return "failed"
}

// Error is a message with a kind, and with a hint on how to proceed.
type Error struct {
	kind      Kind
	msg, hint string
	err       error // nil, or what %w wrapped, once or several times
}

// New formats an error of kind k. %w wraps as in fmt.Errorf, several times if it is there several times.
func New(k Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{kind: k, msg: err.Error(), err: errors.Unwrap(err)}
	if _, several := err.(interface{ Unwrap() []error }); several {
		e.err = err
	}
	return e
}

// Usagef formats an error of kind Usage.
func Usagef(format string, args ...any) *Error { return New(Usage, format, args...) }

// Inputf formats an error of kind Input.
func Inputf(format string, args ...any) *Error { return New(Input, format, args...) }

// Mismatchf formats an error of kind Mismatch.
func Mismatchf(format string, args ...any) *Error { return New(Mismatch, format, args...) }

// WithHint sets the hint of e and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// Error returns the message without the hint.
func (e *Error) Error() string { return e.msg }

// Kind returns the kind of e.
func (e *Error) Kind() Kind { return e.kind }

// Hint returns what the user may do, or "".
func (e *Error) Hint() string { return e.hint }

// Unwrap returns the error that %w wrapped, or nil.
func (e *Error) Unwrap() error { return e.err }

// KindOf returns the kind of the first error in err's tree that has one, in the order of errors.As, and
// Failed if none has.
func KindOf(err error) Kind {
	if k, ok := errors.AsType[interface {
		error
		Kind() Kind
	}](err); ok {
		return k.Kind()
	}
	return Failed
}

// HintOf returns the first hint in err's tree, in the order of errors.As, or "".
func HintOf(err error) string {
	h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok {
		return ""
	}
	if hint := h.Hint(); hint != "" {
		return hint
	}
	return HintOf(errors.Unwrap(h))
}
