//go:build unix

package main

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Signals by which batch systems announce a job's end stop a sweep with the exit code of an interruption, and the same
// command continues it.
func TestStoppedSweepGoesOn(t *testing.T) {
	s := newSweeper(t)
	s.run(t, "undisturbed")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1} {
		out := "stopped-" + signal.String()
		cmd := s.command(out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for units := 0; units == 0; {
			select {
			case err := <-ended:
				t.Fatalf("%s: the sweep ended before it could be stopped: %v", signal, err)
			case <-time.After(5 * time.Millisecond):
			}
			made, err := filepath.Glob(filepath.Join(s.dir, out, "units", "features", "*", "*.npz"))
			if err != nil {
				t.Fatal(err)
			}
			units = len(made)
		}
		start := time.Now()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		err := <-ended
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitInterrupted {
			t.Errorf("%s: %v, want exit code %d", signal, err, exitInterrupted)
		}
		t.Logf("%s: ended after %v", signal, time.Since(start))
		s.run(t, out)
		if !bytes.Equal(s.results(t, out), s.results(t, "undisturbed")) {
			t.Errorf("%s: another result after a stop", signal)
		}
	}
}
