// Command wiseft merges ONNX models in weight space, extracts features with onnxruntime, trains linear probes on them,
// and measures accuracy on clean and corrupted data.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/term"
)

func main() {
	// The first Ctrl-C cancels what runs; after that the signal has its usual
	// effect again, so a second one ends the program at once.
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args, console{
		out:    os.Stdout,
		err:    os.Stderr,
		getenv: os.Getenv,
		isTerm: term.IsTerminal(int(os.Stderr.Fd())),
		size:   func() (width, height int, err error) { return term.GetSize(int(os.Stdout.Fd())) },
	}))
}

// console has the program's output streams and its environment.
type console struct {
	out, err io.Writer
	getenv   func(string) string
	isTerm   bool // err is a terminal
	// size returns the columns and lines of the terminal that out is; an error if it is none. nil is none.
	size func() (width, height int, err error)
}

// defaultColumns is the width of text where no terminal has one.
const defaultColumns = 80

// columns returns the width of text in characters: that of the terminal, or of the variable COLUMNS.
func (c console) columns() int {
	if c.size != nil {
		if width, _, err := c.size(); err == nil && width > 0 {
			return width
		}
	}
	if width, err := strconv.Atoi(c.getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	return defaultColumns
}
