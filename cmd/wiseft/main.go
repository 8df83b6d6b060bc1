// Command wiseft merges ONNX models in weight space, extracts features with onnxruntime, trains linear probes on them,
// and measures accuracy on clean and corrupted data.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"

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
	}))
}

// console has the program's output streams and its environment.
type console struct {
	out, err io.Writer
	getenv   func(string) string
	isTerm   bool // err is a terminal
}
