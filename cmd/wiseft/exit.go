package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
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

// exitCodes are the exit codes by kind of error.
var exitCodes = map[wiseft.Kind]int{
	wiseft.Failed: exitFailed, wiseft.Usage: exitUsage, wiseft.Input: exitInput, wiseft.Mismatch: exitMismatch,
}

// usagef reports a command line that cannot be carried out.
func usagef(format string, args ...any) *fault.Error { return fault.Usagef(format, args...) }

// errorReport is the JSON form of an error.
type errorReport struct {
	Schema string `json:"schema"`
	Error  string `json:"error"`
	Kind   string `json:"kind"`
	Hint   string `json:"hint"`
}

// reportedError is an error that the JSON document of the command contains already.
type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

// fail writes err to standard error, or as JSON to standard output, and returns the exit code.
func fail(ctx context.Context, con console, err error, asJSON bool) int {
	kind, msg, hint := wiseft.KindOf(err), err.Error(), wiseft.HintOf(err)
	code := exitCodes[kind]
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		kind, code, msg = wiseft.Failed, exitInterrupted, "interrupted"
	}
	if _, reported := errors.AsType[reportedError](err); asJSON && reported {
		return code
	}
	if asJSON {
		_ = text.WriteJSON(con.out, errorReport{"wiseft.error/1", msg, kind.String(), hint}) // nowhere to report a failure
		return code
	}
	fmt.Fprintln(con.err, "wiseft: "+text.Visible(strings.TrimPrefix(msg, "wiseft: ")))
	if hint != "" {
		fmt.Fprintln(con.err, "hint: "+text.Visible(hint))
	}
	return code
}
