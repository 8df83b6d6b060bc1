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
	"github.com/wiseft/wiseft/onnxmerge/recipe"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench"
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
type inputError struct{ msg string }

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

// failures lists what each type of error in a chain means, the first match counting.
// What is not listed failed for a reason outside of wiseft: a full disk, a bug.
var failures = []struct {
	is   func(error) bool
	code int
	kind string
}{
	{is[usageError], exitUsage, "usage"},
	{is[*method.ParamError], exitUsage, "usage"},
	{is[*onnxmerge.GlobError], exitUsage, "usage"},
	{is[*onnxmerge.MemoryError], exitUsage, "usage"},
	{is[*onnxmerge.ModelsError], exitUsage, "usage"},
	{is[*bench.OptionError], exitUsage, "usage"},
	{is[*recipe.Error], exitInput, "input"},
	{is[*graph.UnknownTensorError], exitUsage, "usage"},
	{is[mismatchError], exitMismatch, "mismatch"},
	{is[*onnxmerge.MismatchError], exitMismatch, "mismatch"},
	{is[graph.MismatchError], exitMismatch, "mismatch"},
	{is[inputError], exitInput, "input"},
	{is[graph.FormatError], exitInput, "input"},
	{is[graph.UnsupportedError], exitInput, "input"},
	{is[*datasets.FormatError], exitInput, "input"},
	{is[*probe.FormatError], exitInput, "input"},
	{is[*probe.InputError], exitInput, "input"},
	{is[*ort.ModelError], exitInput, "input"},
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// classify says what kind of failure err is, and what the user may do.
func classify(ctx context.Context, err error) (code int, kind, hint string) {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return exitInterrupted, "failed", ""
	}
	for _, f := range failures {
		if f.is(err) {
			return f.code, f.kind, hintOf(err)
		}
	}
	return exitFailed, "failed", hintOf(err)
}

func hintOf(err error) string {
	if usage, ok := errors.AsType[usageError](err); ok {
		return usage.hint
	}
	if library, ok := errors.AsType[*ort.LibraryError](err); ok {
		return library.Hint
	}
	if param, ok := errors.AsType[*method.ParamError](err); ok && param.Extrapolates {
		return "leave the range with --extrapolate"
	}
	if is[*onnxmerge.MismatchError](err) {
		return "see every tensor with --plan; keep some from the fine-tuned model with --exclude PATTERN"
	}
	return ""
}
