//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unprivileged is a user that owns no files: root writes into folders whatever their mode is.
const unprivileged = 65534

// A folder that refuses writing is named by every command that writes, and what is in it stays as it is.
func TestFoldersThatRefuseWriting(t *testing.T) {
	t.Parallel()
	s := newSweeper(t)
	err := os.CopyFS(s.dir, os.DirFS("../../onnxmerge/mapping/testdata"))
	for _, name := range []string{"mlp_a", "mlp_b"} {
		err = errors.Join(err, unpack(filepath.Join(s.dir, name+".onnx"),
			"../../onnxmerge/pair/testdata/corpus/mlp/"+name[len(name)-1:]+"_fold.onnx.gz"))
	}
	exe, err2 := os.ReadFile(s.exe)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	s.must(t, "features finetuned.onnx --data train.npz -o f.npz")
	s.must(t, "probe fit f.npz -o p.npz")
	s.must(t, "sweep pretrained.onnx finetuned.onnx --alphas 0,1 --train train.npz --test test.npz --suite none -o run")
	s.exe = filepath.Join(s.dir, "wiseft.test")
	refusing := filepath.Join(s.dir, "refusing")
	err = errors.Join(os.WriteFile(s.exe, exe, 0o777), os.Chmod(filepath.Dir(s.dir), 0o755), os.Chmod(s.dir, 0o755), os.Mkdir(refusing, 0o777))
	for _, name := range []string{"o.onnx", "o.npz", "o.svg", "o.png", "o.html", "o.safetensors"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(refusing, name), []byte("old"), 0o666))
	}
	if err := errors.Join(err, os.Chmod(refusing, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(refusing, 0o777) }) // so that it can be removed
	for _, line := range []string{
		"merge pretrained.onnx finetuned.onnx -o refusing/o.onnx --force",
		"merge pretrained.onnx finetuned.onnx -o refusing/n.onnx --external always",
		"soup pretrained.onnx finetuned.onnx --uniform --no-prove -o refusing/o.onnx --force",
		"probe fit f.npz -o refusing/o.npz --force", "probe attach finetuned.onnx p.npz -o refusing/o.onnx --force",
		"probe score p.npz f.npz --confusion refusing/o.svg --force", "corrupt test.npz --corruption jitter -o refusing/d",
		"diff pretrained.onnx finetuned.onnx --plot refusing/o.svg --force", "data view test.npz -o refusing/o.png --force",
		"report run -o refusing/o.html --force", "submit slurm --dir refusing -- bench finetuned.onnx --train a --test b -o r",
		"weights apply mlp_a.onnx --from mlp_a.safetensors --to mlp_b.safetensors -o refusing/o.onnx --force",
		"weights export mlp_b.onnx --like mlp_a.safetensors --base mlp_a.onnx -o refusing/o.safetensors --force",
	} {
		cmd := s.line(line)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
		}
		text, err := cmd.CombinedOutput()
		if _, ran := errors.AsType[*exec.ExitError](err); !ran || cmd.ProcessState.ExitCode() != exitFailed ||
			!strings.Contains(string(text), "refusing/") || !strings.Contains(string(text), "permission denied") || temporary.Match(text) {
			t.Errorf("%s: %v: %s", line, err, text)
		}
	}
	files, err := os.ReadDir(refusing)
	if err != nil || len(files) != 6 {
		t.Errorf("the folder has %v (%v)", files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(filepath.Join(refusing, f.Name())); err != nil || string(text) != "old" {
			t.Errorf("%s has %q (%v)", f.Name(), text, err)
		}
	}
}
