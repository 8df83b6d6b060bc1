package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// sweeper runs small sweeps of the program in a folder of their own.
type sweeper struct {
	exe, dir string
}

func newSweeper(t *testing.T) *sweeper {
	t.Helper()
	orttest.Load(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &sweeper{exe, t.TempDir()}
	for name, data := range map[string][]byte{"pretrained.onnx": demoPretrained, "finetuned.onnx": demoFinetuned} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, split := range []string{"train", "test"} {
		if err := writeScans(filepath.Join(s.dir, split+".npz"), split); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// command is a sweep into the folder out.
func (s *sweeper) command(out string, more ...string) *exec.Cmd {
	cmd := exec.Command(s.exe,
		append([]string{"pretrained.onnx", "finetuned.onnx", "--alphas", "0,0.5,1", "--train", "train.npz",
			"--test", "test.npz", "--corruption", "jitter", "--severity", "1-3", "-o", out, "-q"}, more...)...)
	cmd.Args = append([]string{"wiseft", "sweep"}, cmd.Args[1:]...)
	cmd.Dir = s.dir
	return cmd
}

func (s *sweeper) run(t *testing.T, out string, more ...string) time.Duration {
	t.Helper()
	start := time.Now()
	if output, err := s.command(out, more...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return time.Since(start)
}

// results returns the contents of a run's result, table and plan.
func (s *sweeper) results(t *testing.T, out string) []byte {
	t.Helper()
	var all []byte
	for _, name := range []string{"result.json", "table.txt", "plan.json"} {
		data, err := os.ReadFile(filepath.Join(s.dir, out, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

// A sweep that is killed at any moment and run again writes the same bytes as one that was not killed.
// WISEFT_EXHAUSTIVE=1 kills a hundred.
func TestKilledSweepGoesOn(t *testing.T) {
	s := newSweeper(t)
	s.run(t, "warm")
	took := s.run(t, "undisturbed")
	want := s.results(t, "undisturbed")
	tries := 5
	if os.Getenv("WISEFT_EXHAUSTIVE") == "1" {
		tries = 100
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	killed, partly := 0, 0
	for i := range tries {
		out := filepath.Join("killed", string(rune('a'+i%26))+strings.Repeat("x", i/26))
		cmd := s.command(out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Float64() * float64(took)))
		if cmd.Process.Kill() == nil && cmd.Wait() != nil {
			killed++
		}
		if units, _ := filepath.Glob(filepath.Join(s.dir, out, "units", "*", "*", "*.npz")); len(units) > 0 {
			partly++
		}
		s.run(t, out)
		if !bytes.Equal(s.results(t, out), want) {
			t.Fatalf("try %d: another result after a kill", i)
		}
	}
	t.Logf("%d of %d sweeps were killed before their end, %d with units", killed, tries, partly)
	if killed < tries/3 {
		t.Errorf("only %d of %d sweeps were killed before their end", killed, tries)
	}
}

// Two processes that run one sweep in one folder, and any number of shares, write the same bytes as one process.
func TestProcessesShareASweep(t *testing.T) {
	s := newSweeper(t)
	s.run(t, "alone")
	want := s.results(t, "alone")
	var wg sync.WaitGroup
	together := func(out string, flags ...[]string) {
		for _, more := range flags {
			cmd := s.command(out, more...)
			wg.Go(func() {
				if output, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, output)
				}
			})
		}
		wg.Wait()
	}
	together("race", nil, nil)
	if !bytes.Equal(s.results(t, "race"), want) {
		t.Error("two workers that race leave another result")
	}
	var shares [][]string
	for _, i := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		shares = append(shares, []string{"--shard", i + "/7", "--steal"})
	}
	together("shares", shares...)
	collect := exec.Command(s.exe, "shares", "-q")
	collect.Args, collect.Dir = []string{"wiseft", "collect", "shares", "-q"}, s.dir
	if output, err := collect.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if !bytes.Equal(s.results(t, "shares"), want) {
		t.Error("seven shares leave another result")
	}
}
