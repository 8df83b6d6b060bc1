//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endless is how long a command may take that is refused at once: a hundred times the usual.
const endless = 20 * time.Second

// A FIFO, or a link to an endless device, is refused wherever a file is read, by every command.
func TestBlockingFilesAreRefused(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, data := range map[string][]byte{"pretrained.onnx": demoPretrained, "finetuned.onnx": demoFinetuned} {
		if err := os.WriteFile(in(name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	err = errors.Join(writeScans(in("train.npz"), "train"), syscall.Mkfifo(in("fifo"), 0o666), os.Symlink("/dev/zero", in("zero")),
		os.MkdirAll(in("run"), 0o777), syscall.Mkfifo(in("run/plan.json"), 0o666), syscall.Mkfifo(in("run/result.json"), 0o666))
	for _, kind := range []string{"fifo", "zero"} {
		for _, sample := range []string{"x.off", "x.xyz", "x.png", "x.pcd", "x.npy"} {
			folder := in(filepath.Join(kind+"s", strings.TrimPrefix(filepath.Ext(sample), "."), "a"))
			err = errors.Join(err, os.MkdirAll(folder, 0o777), os.Symlink(in(kind), filepath.Join(folder, sample)))
		}
		external := in("external-" + kind)
		err = errors.Join(err, os.CopyFS(external, os.DirFS("../../onnxmerge/onnx/testdata/external")),
			os.Remove(filepath.Join(external, "pretrained.bin")))
		if kind == "fifo" {
			err = errors.Join(err, syscall.Mkfifo(filepath.Join(external, "pretrained.bin"), 0o666))
		} else {
			err = errors.Join(err, os.Symlink(in(kind), filepath.Join(external, "pretrained.bin")))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, kind := range []string{"fifo", "zero"} {
		lines := []string{
			"inspect F", "diff F finetuned.onnx", "diff pretrained.onnx F", "merge pretrained.onnx F -o m.onnx",
			"merge F finetuned.onnx -o m.onnx", "merge pretrained.onnx finetuned.onnx -o m.onnx --fisher F --method fisher",
			"merge --recipe F -o m.onnx", "recipe check F", "recipe extract F", "verify F --pretrained F --finetuned F",
			"features F --data train.npz -o f.npz", "features pretrained.onnx --data F -o f.npz", "data F",
			"data train.npz --labels F", "probe fit F -o p.npz", "probe score F F", "probe attach pretrained.onnx F -o c.onnx",
			"bench F --train train.npz --test train.npz", "bench pretrained.onnx --train F --test train.npz",
			"sweep pretrained.onnx F --train train.npz --test train.npz", "corrupt F -o d", "report F",
			"bench pretrained.onnx --train train.npz --test train.npz --reference F",
			"soup pretrained.onnx F --train train.npz -o s.onnx",
			"inspect external-F/pretrained.onnx", "merge external-F/pretrained.onnx external-F/finetuned.onnx -o m.onnx",
			"features external-F/pretrained.onnx --data train.npz -o f.npz",
			"data Fs/off", "data Fs/xyz", "data Fs/png", "data Fs/pcd", "data Fs/npy", "data Fs/npy/a/x.npy",
		}
		if kind == "fifo" {
			lines = append(lines, "report run", "collect run", "compare run a b")
		}
		for _, line := range lines {
			tried++
			ctx, stop := context.WithTimeout(t.Context(), endless)
			cmd := exec.CommandContext(ctx, exe)
			cmd.Args, cmd.Dir = append([]string{"wiseft"}, strings.Fields(strings.ReplaceAll(line, "F", kind))...), dir
			text, err := cmd.CombinedOutput()
			ended := ctx.Err() == nil
			stop()
			if code := cmd.ProcessState.ExitCode(); err == nil || !ended || code != exitInput && code != exitUsage {
				t.Errorf("%s with %s: exit code %d, ended by itself %v: %s", line, kind, code, ended, text)
			}
		}
	}
	if tried < 60 {
		t.Errorf("%d cases", tried)
	}
}
