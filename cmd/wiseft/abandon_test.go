package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/wiseft/wiseft/internal/output"
)

// A command that does not look at its context is not waited for after Ctrl-C, unless it is writing a file.
func TestAbandonedCommands(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	forever := make(chan struct{})
	defer close(forever)
	busy := abandonable(func(context.Context, *call) (result, error) {
		cancel()
		<-forever
		return nil, nil
	})
	if _, err := busy(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that computes: %v", err)
	}
	finished := errors.New("finished")
	ctx, cancel = context.WithCancel(t.Context())
	writing := abandonable(func(context.Context, *call) (result, error) {
		f, err := output.Create(filepath.Join(t.TempDir(), "out"), output.Options{})
		if err != nil {
			return nil, err
		}
		cancel()
		time.Sleep(4 * grace)
		f.Abort()
		return nil, finished
	})
	if _, err := writing(ctx, nil); !errors.Is(err, finished) {
		t.Errorf("a command that writes: %v", err)
	}
	if output.InProgress() {
		t.Error("a file is still in progress")
	}
}
