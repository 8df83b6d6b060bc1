package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the job files in scripts")

// The job files in scripts equal those that submit writes for the README's example.
func TestJobFilesInScripts(t *testing.T) {
	t.Parallel()
	example := []string{"--", "sweep", "pretrained.onnx", "finetuned.onnx", "--train", "modelnet40",
		"--test", "modelnet40", "--points", "1024", "-o", "run"}
	for system, folder := range map[string]string{"slurm": "../../scripts/slurm", "k8s": "../../scripts/k8s"} {
		var out, errs bytes.Buffer
		args := append([]string{"wiseft", "submit", system, "--dry-run", "--json"}, example...)
		code := run(context.Background(), args, console{out: &out, err: &errs, getenv: func(string) string { return "" }})
		var made submitReport
		if err := json.Unmarshal(out.Bytes(), &made); err != nil || code != 0 || len(made.Files) == 0 {
			t.Fatalf("%s: exit code %d, %v; %s", system, code, err, errs.String())
		}
		for _, f := range made.Files {
			golden := filepath.Join(folder, f.Name)
			if *update {
				if err := os.WriteFile(golden, []byte(f.Text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || f.Text != string(want) {
				t.Errorf("%s differs from what submit writes (%v); rewrite it with -update", golden, err)
			}
		}
	}
}

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"a/b-1.onnx": "a/b-1.onnx", "a b": "'a b'", "it's": `'it'\''s'`, "": "''",
		"$(x)": "'$(x)'"} {
		if got := shellQuote(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

func TestParseShard(t *testing.T) {
	t.Parallel()
	environment := func(text string) func(string) string {
		return func(name string) string {
			for _, pair := range strings.Fields(text) {
				if key, value, _ := strings.Cut(pair, "="); key == name {
					return value
				}
			}
			return ""
		}
	}
	for _, tt := range []struct {
		text, env    string
		index, count int
	}{
		{"", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=8", 0, 0}, // an array job may have another purpose
		{"1/8", "", 0, 8},
		{"8/8", "", 7, 8},
		{"auto", "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=8", 2, 8},
		{"auto", "SLURM_ARRAY_TASK_ID=14 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=5", 2, 5},
		{"auto/4", "JOB_COMPLETION_INDEX=0", 0, 4},
		{"auto/4", "PARALLEL_SEQ=4", 3, 4},
	} {
		got, err := parseShard(tt.text, environment(tt.env))
		if err != nil || got.Index != tt.index || got.Count != tt.count {
			t.Errorf("--shard %q with %q: got %+v (%v), want %d of %d", tt.text, tt.env, got, err, tt.index, tt.count)
		}
	}
	for text, env := range map[string]string{
		"0/8": "", "9/8": "", "8": "", "a/b": "", "1/0": "", "auto": "", "auto/0": "", "auto/": "",
		"auto/3": "JOB_COMPLETION_INDEX=3", "auto/2": "SLURM_ARRAY_TASK_ID=x",
	} {
		if got, err := parseShard(text, environment(env)); err == nil {
			t.Errorf("--shard %q with %q: got %+v, want an error", text, env, got)
		}
	}
	if _, err := parseShard("auto", environment("JOB_COMPLETION_INDEX=1")); err == nil ||
		!strings.Contains(err.Error(), "no variable has the number of shares") {
		t.Errorf("no count: %v", err)
	}
}
