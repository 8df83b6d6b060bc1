package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/internal/output"
)

// writer is a command that writes, and replaces an earlier output: before makes it, with one result, and the command
// another. Its output is out, a file or folder; beside are files that belong to it.
type writer struct {
	name            string
	before, command string
	out             string
	beside          []string // of a folder: the files that must be of one result; nil is all
}

// writers are all commands that write. They run in the folder that newSweeper makes.
var writers = []writer{
	{"merge", "merge pretrained.onnx finetuned.onnx --alpha 0.2 -o m.onnx --force",
		"merge pretrained.onnx finetuned.onnx --alpha 0.7 -o m.onnx --force", "m.onnx", nil},
	{"merge-external", "merge pretrained.onnx finetuned.onnx --alpha 0.2 -o m.onnx --external always --force",
		"merge pretrained.onnx finetuned.onnx --alpha 0.7 -o m.onnx --external always --force --shard-size 8KiB", "m.onnx",
		[]string{"m.onnx.data", "m.onnx.data.2"}},
	{"features", "features pretrained.onnx --data train.npz -o f.npz --force",
		"features finetuned.onnx --data train.npz -o f.npz --force", "f.npz", nil},
	{"fit", "probe fit base.npz -o p.npz --C 1 --force", "probe fit base.npz -o p.npz --C 2 --force", "p.npz", nil},
	{"attach", "probe attach finetuned.onnx base-p.npz -o c.onnx --force",
		"probe attach finetuned.onnx base-p.npz -o c.onnx --softmax --force", "c.onnx", nil},
	{"score", "probe score base-p.npz base.npz --confusion c.svg --force",
		"probe score base-p.npz base.npz --confusion c.svg --force", "c.svg", nil},
	{"corrupt", "corrupt test.npz --corruption jitter -o d --force",
		"corrupt test.npz --corruption rotate --seed 1 -o d --force", "d", nil},
	{"sweep", "sweep pretrained.onnx finetuned.onnx --alphas 0,1 --train train.npz --test test.npz --suite none -o r --force",
		"sweep pretrained.onnx finetuned.onnx --alphas 0,0.5,1 --train train.npz --test test.npz --suite none -o r --force",
		"r", []string{"plan.json", "result.json", "report.html", "table.txt", "results.csv", "curve.svg", "curve.png"}},
	{"soup", "soup pretrained.onnx finetuned.onnx --train train.npz --val-from-train 0.3 -o s.onnx --force",
		"soup pretrained.onnx finetuned.onnx --train train.npz --val-from-train 0.3 --strict -o s.onnx --force", "s.onnx", nil},
	{"apply", "weights apply mlp_a.onnx --from mlp_a.safetensors --to mlp_a.safetensors -o w.onnx --force",
		"weights apply mlp_a.onnx --from mlp_a.safetensors --to mlp_b.safetensors -o w.onnx --force", "w.onnx", nil},
	{"export", "weights export mlp_a.onnx --like mlp_a.safetensors -o w.safetensors --force",
		"weights export mlp_b.onnx --like mlp_a.safetensors --base mlp_a.onnx -o w.safetensors --force", "w.safetensors", nil},
	{"plot", "diff pretrained.onnx pretrained.onnx --plot w.svg --force",
		"diff pretrained.onnx finetuned.onnx --plot w.svg --force", "w.svg", nil},
	{"view", "data view test.npz -o v.png --force", "data view train.npz -o v.png --force", "v.png", nil},
	{"report", "report base-run -o x.html --force", "report base-run -o x.html --format markdown --force", "x.html", nil},
	{"bench", "bench pretrained.onnx --train train.npz --test test.npz --suite none -o b --force",
		"bench finetuned.onnx --train train.npz --test test.npz --suite none -o b --force", "b",
		[]string{"plan.json", "result.json", "report.html", "table.txt", "results.csv"}},
	{"experiment", "experiment one.yaml -o e --force", "experiment other.yaml -o e --force", "e", wiseft.ExperimentFiles()},
	{"demo", "demo-run d", "demo-other-run d", "d", wiseft.RunFiles()},
	{"submit", "submit slurm --dir j --force -- sweep a.onnx b.onnx --train t --test t -o j-run",
		"submit slurm --dir j --force -- sweep a.onnx b.onnx --train t --test t -o j-other", "j",
		[]string{"wiseft.sbatch", "wiseft-collect.sbatch"}},
}

// demoWriter is a program that writes the files of wiseft demo, which takes seconds before it writes any: of the run in the
// folder that its first argument names, of the models beside it and of a few scans.
const demoWriter = "demo-writer"

func writeDemo() {
	err := func() error {
		folder, err := (&demoCommand{out: os.Args[2], force: true}).folder()
		if err != nil {
			return err
		}
		r, err := wiseft.ReadResult(os.Args[1])
		if err != nil {
			return err
		}
		d := demo{work: ".", result: r, data: map[string]wiseft.Data{}}
		for _, split := range demoSplits {
			scans, err := shapes.New(shapes.Options{Domain: shapes.Scan, Split: split.name, PerClass: 1, Points: 16,
				Classes: shapes.Indoor()[:2]})
			if err != nil {
				return err
			}
			d.data[split.name] = wiseft.Data{Path: split.name, Set: scans}
		}
		_, err = d.write(context.Background(), folder)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailed)
	}
}

// recovered returns the file or folder whose replacement is finished before it is read.
func (w writer) recovered() string {
	main := map[string]string{"sweep": wiseft.ResultFile, "bench": wiseft.ResultFile, "demo": wiseft.ResultFile,
		"experiment": "experiment.json", "submit": "wiseft-collect.sbatch"}
	return filepath.Join(w.out, main[w.name])
}

// temporary is the name of a file or folder that is being written.
var temporary = regexp.MustCompile(`\.[0-9]+-[0-9]+\.tmp`)

// failures are the errors of a disk that is full from a step on, and of one that fails at one step.
var failures = map[string]syscall.Errno{"full": syscall.ENOSPC, "fail": syscall.EIO}

// kill runs a command that is killed before its n-th step, has all steps from the n-th on fail for want of space, or has the
// n-th fail, and reports whether there was such a step; see interceptSteps.
func (s *sweeper) kill(t *testing.T, command, how string, n int) bool {
	t.Helper()
	cmd := s.line(command)
	cmd.Env = append(os.Environ(), fmt.Sprintf("WISEFT_TEST_STEP=%s:%d", how, n))
	output, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if said, fails := failures[how]; fails && (cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(output), said.Error())) {
		t.Errorf("%s, %s at step %d: %v: %s", command, how, n, err, output)
	}
	if temporary.Match(output) {
		t.Errorf("%s, step %d: the error has a temporary name: %s", command, n, output)
	}
	return true
}

// line is a command line of the program.
func (s *sweeper) line(command string) *exec.Cmd {
	cmd := exec.Command(s.exe)
	program := "wiseft"
	if strings.HasPrefix(command, "demo-") {
		program = demoWriter
	}
	cmd.Args, cmd.Dir = append(append([]string{program}, strings.Fields(command)...), "-q"), s.dir
	return cmd
}

func (s *sweeper) must(t *testing.T, command string) {
	t.Helper()
	if output, err := s.line(command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, output)
	}
}

// files are the output of a writer and what is beside it.
func (w writer) files() []string { return append([]string{w.out}, w.beside...) }

// save copies a writer's output into a folder.
func (s *sweeper) save(t *testing.T, w writer, dir string) {
	t.Helper()
	for _, name := range w.files() {
		copyTree(t, filepath.Join(dir, name), filepath.Join(s.dir, name))
	}
}

// restore leaves the output that save copied into a folder, and nothing else of the writer.
func (s *sweeper) restore(t *testing.T, w writer, dir string) {
	t.Helper()
	for _, name := range w.files() {
		path := filepath.Join(s.dir, name)
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		copyTree(t, path, filepath.Join(dir, name))
	}
}

// copyTree copies a file or folder if there is one.
func copyTree(t *testing.T, to, from string) {
	t.Helper()
	info, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err == nil && info.IsDir():
		err = os.CopyFS(to, os.DirFS(from))
	case err == nil:
		var data []byte
		if data, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, data, 0o666)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// state is the contents of a writer's output.
func (s *sweeper) state(t *testing.T, w writer) string {
	t.Helper()
	var all bytes.Buffer
	add := func(path string) {
		data, err := os.ReadFile(path)
		if err == nil {
			data = seconds.ReplaceAll(data, nil)
			fmt.Fprintf(&all, "%s: %d bytes, %x\n", path, len(data), sha256.Sum256(data))
		}
	}
	out := filepath.Join(s.dir, w.out)
	info, err := os.Stat(out)
	switch {
	case err != nil:
	case !info.IsDir():
		add(out)
		for _, name := range w.beside {
			add(filepath.Join(s.dir, name))
		}
	case w.beside != nil:
		for _, name := range w.beside {
			add(filepath.Join(out, name))
		}
	default:
		if err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				add(path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// seconds is what differs between two runs of the same command.
var seconds = regexp.MustCompile(`"seconds": [0-9.e-]+`)

// steps runs the command and returns those of its steps that are tried: with WISEFT_CHAOS_STRIDE=N every N-th and the last 3, otherwise
// every third of them and the last.
func (s *sweeper) steps(t *testing.T, w writer) (steps []int) {
	t.Helper()
	count := filepath.Join(s.dir, "count")
	cmd := s.line(w.command)
	cmd.Env = append(os.Environ(), "WISEFT_TEST_STEP=count:"+count)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", w.command, err, text)
	}
	info, err := os.Stat(count)
	if err != nil {
		t.Fatal(err)
	}
	total := int(info.Size()) // a byte for each step
	if err := os.Remove(count); err != nil {
		t.Fatal(err)
	}
	stride, last := (total+2)/3, 1
	if set := os.Getenv("WISEFT_CHAOS_STRIDE"); set != "" {
		if stride, err = strconv.Atoi(set); err != nil || stride < 1 {
			t.Fatalf("WISEFT_CHAOS_STRIDE=%s: not a number from 1 on", set)
		}
		last = 3
	}
	for n := 1; n <= total; n++ {
		if n%stride == 0 || n > total-last {
			steps = append(steps, n)
		}
	}
	t.Logf("%s: %d of %d steps", w.name, len(steps), total)
	return steps
}

// interceptSteps makes the program stop as WISEFT_TEST_STEP says: "kill:N" before its N-th step that changes files,
// "full:N" fails all writing steps from the N-th on, as a full disk does, "fail:N" the N-th, of any kind, and "count:FILE" writes a byte for each step.
// "interrupt:N" is Ctrl-C before the N-th step, and "cut:N:FILE" makes a file half as long then. "" is that it does not stop.
func interceptSteps(text string) {
	if text == "" {
		return
	}
	how, of, _ := strings.Cut(text, ":")
	number, file, _ := strings.Cut(of, ":")
	at, _ := strconv.ParseInt(number, 10, 64)
	var n atomic.Int64
	output.Intercept(func(step, path string) error {
		switch i := n.Add(1); {
		case how == "count":
			f, err := os.OpenFile(of, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
			if err != nil {
				return err
			}
			_, err = f.Write([]byte{'.'})
			return errors.Join(err, f.Close())
		case how == "kill" && i == at:
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			if err == nil {
				select {} // until the signal is delivered
			}
			return err
		case how == "interrupt" && i == at:
			return interruptSelf()
		case how == "cut" && i == at:
			info, err := os.Stat(file)
			if err != nil {
				return err
			}
			return os.Truncate(file, info.Size()/2)
		case how == "full" && i >= at && (step == "create" || step == "write" || step == "sync"):
			return &fs.PathError{Op: step, Path: path, Err: syscall.ENOSPC}
		case how == "fail" && i == at:
			return &fs.PathError{Op: step, Path: path, Err: syscall.EIO}
		}
		return nil
	})
}

// interruptSelf sends the program Ctrl-C, and returns some time after it was received.
func interruptSelf() error {
	received := make(chan os.Signal, 1)
	signal.Notify(received, os.Interrupt)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(os.Interrupt)
	}
	if err != nil {
		return err
	}
	<-received
	time.Sleep(100 * time.Millisecond) // until what else receives it has ended its context
	return nil
}

// left lists what is not a finished file in the folder of the writers and in the runs' own.
func (s *sweeper) left(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{".*", "*/.*", "*/temp/*", "*/temp/.*", "*/claims/*", "*/next-*"} {
		found, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	return names
}

// A command that is killed before any of its steps, whose disk is full from any of them on or fails at one, leaves the earlier
// output, or the whole of the other one. Running it again leaves nothing but the output.
func TestStepsOfWriters(t *testing.T) {
	s := newSweeper(t)
	err := os.CopyFS(s.dir, os.DirFS("../../onnxmerge/mapping/testdata"))
	for _, name := range []string{"mlp_a", "mlp_b"} {
		err = errors.Join(err, unpack(filepath.Join(s.dir, name+".onnx"),
			"../../onnxmerge/pair/testdata/corpus/mlp/"+name[len(name)-1:]+"_fold.onnx.gz"))
	}
	for name, file := range map[string]string{"classifier.onnx": string(demoFinetuned), "one.yaml": fmt.Sprintf(experimentDocument, "0, 1"),
		"other.yaml": fmt.Sprintf(experimentDocument, "1, 0.5")} {
		err = errors.Join(err, os.WriteFile(filepath.Join(s.dir, name), []byte(file), 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	addScheduler(t)
	s.must(t, "features finetuned.onnx --data train.npz -o base.npz")
	s.must(t, "probe fit base.npz -o base-p.npz")
	s.must(t, "sweep pretrained.onnx finetuned.onnx --alphas 0,1 --train train.npz --test test.npz --suite none -o base-run")
	for run, alphas := range map[string]string{"demo-run": "0,1", "demo-other-run": "0.5,1"} {
		s.must(t, "sweep pretrained.onnx finetuned.onnx --train train.npz --val-from-train 0.3 --test test.npz --suite none --alphas "+alphas+" -o "+run)
	}
	cases := 0
	for _, w := range writers {
		if w.name == "submit" && runtime.GOOS == "windows" {
			continue // the scheduler is a shell script
		}
		cases += s.tryWriter(t, w)
	}
	t.Logf("%d cases", cases)
	if cases < 3*(len(writers)-1) {
		t.Errorf("%d cases of %d commands", cases, len(writers))
	}
}

// experimentDocument is an experiment of one sweep over alphas.
const experimentDocument = `pairs: [{name: one, pretrained: pretrained.onnx, finetuned: finetuned.onnx}]
seeds: [0]
alphas: [%s]
train: train.npz
test: test.npz
suite: none
`

// addScheduler puts a program sbatch on the path that takes every job.
func addScheduler(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sbatch"), []byte("#!/bin/sh\necho 7\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// tryWriter stops a writer at its steps in all ways and returns how often it stopped.
func (s *sweeper) tryWriter(t *testing.T, w writer) (cases int) {
	t.Helper()
	s.must(t, w.before)
	earlier := t.TempDir()
	s.save(t, w, earlier)
	before := s.state(t, w)
	steps := s.steps(t, w)
	after := s.state(t, w)
	for _, how := range []string{"kill", "full", "fail"} {
		stopped := 0
		for _, n := range w.chosenSteps(steps, how) {
			s.restore(t, w, earlier)
			if s.tryStep(t, w, how, n, before, after) {
				stopped++
			}
		}
		t.Logf("%s: %s at %d steps", w.name, how, stopped)
		cases += stopped
	}
	return cases
}

// once are writers that write as others do, or are slow: without WISEFT_CHAOS_STRIDE they are killed once.
var once = []string{"bench", "experiment", "demo", "submit"}

// chosenSteps returns the steps at which a writer is stopped in one way: all of them, but one of each failure without
// WISEFT_CHAOS_STRIDE.
func (w writer) chosenSteps(steps []int, how string) []int {
	switch {
	case os.Getenv("WISEFT_CHAOS_STRIDE") != "" || how == "kill" && !slices.Contains(once, w.name):
		return steps
	case how == "full":
		return steps[:1]
	}
	return steps[len(steps)/2:][:1]
}

// tryStep stops a writer before its n-th step, runs it again, and reports whether it was stopped. before and after are
// the two states that its output may have, and before is the one that it has.
func (s *sweeper) tryStep(t *testing.T, w writer, how string, n int, before, after string) bool {
	t.Helper()
	if got := s.state(t, w); got != before {
		t.Fatalf("%s: not the earlier output:\n%s%s", w.name, before, got)
	}
	if !s.kill(t, w.command, how, n) {
		return false
	}
	if how == "full" { // one that fails, such as a rename, may leave a journal, as a kill does
		if got := s.state(t, w); got != before && got != after {
			t.Fatalf("%s, %s at step %d: neither the output before nor the one after:\n%s", w.name, how, n, got)
		}
	}
	if err := output.Recover(filepath.Join(s.dir, w.recovered())); err != nil { // as every command that reads it does
		t.Fatal(err)
	}
	if got := s.state(t, w); got != before && got != after {
		t.Fatalf("%s, %s at step %d: neither the output before nor the one after:\n%s", w.name, how, n, got)
	}
	s.must(t, w.command)
	if got := s.state(t, w); got != after {
		t.Fatalf("%s, run again after step %d: another output:\n%s%s", w.name, n, after, got)
	}
	if left := s.left(t); len(left) > 0 {
		t.Fatalf("%s, run again after step %d: left %v", w.name, n, left)
	}
	return true
}
