//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wiseft/wiseft"
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

// runAt is run in another process, in which something happens at a step; see interceptSteps.
func (a *applied) runAt(t *testing.T, line, step string) (code int, stderr string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Args, cmd.Dir, cmd.Env = append([]string{"wiseft"}, strings.Fields(line)...), a.dir, append(os.Environ(), "WISEFT_TEST_STEP="+step)
	text, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// After Ctrl-C before any step of writing a model that gets the weights of a checkpoint, the earlier output is left, or the whole of
// the other one, and nothing else.
func TestInterruptedApply(t *testing.T) {
	t.Parallel()
	a := newApplied(t, parameters)
	earlier := []byte("an earlier output")
	line := applyLine + " --force --no-sync"
	a.put(t, "out.onnx", earlier)
	a.runAt(t, line, "count:steps")
	whole, err1 := os.ReadFile(a.path("out.onnx"))
	counted, err2 := os.ReadFile(a.path("steps"))
	if err := errors.Join(err1, err2, os.Remove(a.path("steps"))); err != nil {
		t.Fatal(err)
	}
	steps := len(counted)
	stopped := 0
	for _, n := range []int{1, steps / 2, steps - 1, steps} {
		a.put(t, "out.onnx", earlier)
		code, stderr := a.runAt(t, line, fmt.Sprint("interrupt:", n))
		switch {
		case code == exitInterrupted && stderr == "wiseft: interrupted\n":
			stopped++
		case code == exitDone && n > 1:
			a.files["out.onnx"] = whole
		default:
			t.Errorf("interrupted before step %d of %d: exit code %d: %s", n, steps, code, stderr)
		}
		a.unchanged(t, fmt.Sprintf("interrupted before step %d of %d", n, steps))
	}
	t.Logf("%d steps; stopped at %d", steps, stopped)
	if stopped < 2 {
		t.Errorf("%d of 4 stopped", stopped)
	}
}

// Ctrl-C while weights are compared ends the command before anything is written.
func TestInterruptedSearch(t *testing.T) {
	t.Parallel()
	a := newApplied(t, linear)
	a.put(t, "base.onnx", flipped(t, a.files["base.onnx"], exported(parametersOf(linear, 1))["large"], 7, 0)) // which would be refused
	ctx, cancel := context.WithCancel(t.Context())
	opt := wiseft.ApplyOptions{From: a.path("base.safetensors"), To: a.path("tuned.safetensors")}
	opt.Monitor.Progress = func(wiseft.Progress) { cancel() }
	_, err := wiseft.ApplyWeights(ctx, a.path("out.onnx"), a.path("base.onnx"), opt, wiseft.WriteOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	a.unchanged(t, "interrupted")
}

// A checkpoint that another program cuts to its half while its tensors are written, from memory or by reads, is one error that names it,
// and the earlier output stays.
func TestApplyCutCheckpoint(t *testing.T) {
	t.Parallel()
	a := newApplied(t, parameters)
	a.put(t, "tuned.pt", asPyTorch(t, parametersOf(parameters, 2)))
	a.put(t, "out.onnx", []byte("an earlier output"))
	for _, name := range []string{"tuned.safetensors", "tuned.pt"} {
		for memory, reason := range map[string]string{"256MiB": "it cannot be read any longer", "200KiB": "unexpected EOF"} {
			const step = 4 // of the output, which is begun before
			whole := a.files[name]
			a.files[name] = whole[:len(whole)/2]
			what := fmt.Sprintf("%s, cut, in %s", name, memory)
			code, stderr := a.runAt(t, "weights apply base.onnx --from base.safetensors --to "+name+" -o out.onnx --force --memory "+memory,
				fmt.Sprintf("cut:%d:%s", step, name))
			if code != exitFailed || !strings.HasPrefix(stderr, "wiseft: "+name+": ") || !strings.Contains(stderr, reason) ||
				strings.Count(stderr, "\n") > 2 {
				t.Errorf("%s: exit code %d: %s", what, code, stderr)
			}
			a.unchanged(t, what)
			a.put(t, name, whole)
		}
	}
}

// TestApplyCutWhileCompared is TestApplyCutCheckpoint for the search, which reads the checkpoint that the model was exported from:
// errors name the file that was cut.
func TestApplyCutWhileCompared(t *testing.T) {
	t.Parallel()
	a := newApplied(t, parameters)
	a.put(t, "base.pt", asPyTorch(t, parametersOf(parameters, 1)))
	for _, name := range []string{"base.safetensors", "base.pt", "base.onnx"} {
		whole := a.files[name]
		a.files[name] = whole[:len(whole)/2]
		from := name
		if name == "base.onnx" {
			from = "base.safetensors"
		}
		cuts := 0
		opt := wiseft.ApplyOptions{From: a.path(from), To: a.path("tuned.safetensors")}
		opt.Monitor.Progress = func(wiseft.Progress) {
			cuts++
			if err := os.Truncate(a.path(name), int64(len(whole)/2)); err != nil {
				t.Error(err)
			}
		}
		_, err := wiseft.ApplyWeights(t.Context(), a.path("out.onnx"), a.path("base.onnx"), opt, wiseft.WriteOptions{})
		if cuts == 0 || err == nil || wiseft.KindOf(err) != wiseft.Failed || !strings.Contains(err.Error(), "unexpected EOF") ||
			!strings.HasPrefix(err.Error(), a.path(name)+": tensor ") {
			t.Errorf("%s, cut %d times: %v (%v)", name, cuts, err, wiseft.KindOf(err))
		}
		a.unchanged(t, name)
		a.put(t, name, whole)
	}
}
