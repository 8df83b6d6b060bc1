package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
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
