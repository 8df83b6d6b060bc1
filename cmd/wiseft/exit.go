package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// Exit codes; part of the command-line contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInput       = 3
	exitMismatch    = 4
	exitInterrupted = 130
)

// usageError reports a command line that cannot be meant.
type usageError struct{ msg, hint string }

func (e usageError) Error() string { return e.msg }

// inputError reports an input that is malformed or not supported, where no library
// error says so already.
type inputError struct{ msg, hint string }

func (e inputError) Error() string { return e.msg }

// mismatchError reports inputs that are fine by themselves and do not fit together.
type mismatchError struct{ msg string }

func (e mismatchError) Error() string { return e.msg }

// errorReport is the JSON form of an error.
type errorReport struct {
	Schema string `json:"schema"`
	Error  string `json:"error"`
	Kind   string `json:"kind"`
	Hint   string `json:"hint"`
}

// fail writes err where the user looks for it and returns the exit code.
func fail(ctx context.Context, con console, err error, asJSON bool) int {
	code, kind, hint := classify(ctx, err)
	msg := err.Error()
	if code == exitInterrupted {
		msg = "interrupted"
	}
	if asJSON {
		_ = writeJSON(con.out, errorReport{"wiseft.error/1", msg, kind, hint}) // nowhere left to tell
		return code
	}
	fmt.Fprintln(con.err, "wiseft: "+strings.TrimPrefix(msg, "wiseft: "))
	if hint != "" {
		fmt.Fprintln(con.err, "hint: "+hint)
	}
	return code
}

// classify says what kind of failure err is.
func classify(ctx context.Context, err error) (code int, kind, hint string) {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return exitInterrupted, "failed", ""
	}
	if usage, ok := errors.AsType[usageError](err); ok {
		return exitUsage, "usage", usage.hint
	}
	if in, ok := errors.AsType[inputError](err); ok {
		return exitInput, "input", in.hint
	}
	if is[mismatchError](err)() || is[graph.MismatchError](err)() {
		return exitMismatch, "mismatch", ""
	}
	if library, ok := errors.AsType[*ort.LibraryError](err); ok {
		return exitFailed, "failed", library.Hint
	}
	for _, is := range []func() bool{
		is[*method.ParamError](err), is[*onnxmerge.GlobError](err), is[*graph.UnknownTensorError](err),
	} {
		if is() {
			return exitUsage, "usage", ""
		}
	}
	if is[*onnxmerge.MismatchError](err)() {
		return exitMismatch, "mismatch", "see every tensor with --plan; keep some from the fine-tuned model with --exclude PATTERN"
	}
	for _, is := range []func() bool{
		is[graph.FormatError](err), is[graph.UnsupportedError](err), is[*datasets.FormatError](err),
		is[*probe.FormatError](err), is[*probe.InputError](err), is[*ort.ModelError](err),
	} {
		if is() {
			return exitInput, "input", ""
		}
	}
	return exitFailed, "failed", ""
}

func is[E error](err error) func() bool {
	return func() bool { _, ok := errors.AsType[E](err); return ok }
}
