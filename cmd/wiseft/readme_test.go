package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// readmeFolders are the folders of files that the README's commands name beside the demo's.
var readmeFolders = []string{"scripts/barrier/testdata/clouds", "scripts/checkpoint/testdata", "cmd/wiseft/testdata/inputs",
	"onnxmerge/adapter/testdata"}

// TestReadmeCommandsRun runs every command of the README's sh blocks in order, in a folder with the demo's output.
func TestReadmeCommandsRun(t *testing.T) {
	t.Parallel()
	lib := orttest.Load(t)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "exec wiseft demo --alphas 0.5 --scans 10 --quiet\n"
	commands := 0
	for _, block := range strings.Split(string(text), "```sh\n")[1:] {
		lines, _, _ := strings.Cut(block, "```")
		for line := range strings.Lines(lines) {
			script += "exec " + line
			commands++
		}
	}
	if commands < 9 {
		t.Fatalf("the README shows %d commands in sh blocks, want nine at least", commands)
	}
	path := filepath.Join(t.TempDir(), "readme.txtar")
	if err := os.WriteFile(path, []byte(script), 0o666); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{path},
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("WISEFT_ONNXRUNTIME", lib.Path)
			env.Setenv("WISEFT_ORT_BINDING", lib.Binding)
			env.Setenv("WISEFT_QUIET", "1")
			for _, folder := range readmeFolders {
				if err := os.CopyFS(filepath.Join(env.WorkDir, folder), os.DirFS(filepath.Join("../..", folder))); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
