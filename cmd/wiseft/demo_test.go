package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestDemoFigures runs the demo and compares its accuracies with stored ones. Rounding on another CPU may change the
// class of a sample: the tolerance is one of 250 on clean data, and the same share of the mean over 35 corrupted sets.
func TestDemoFigures(t *testing.T) {
	lib := orttest.Load(t)
	t.Setenv("WISEFT_ONNXRUNTIME", lib.Path)
	var stdout, stderr bytes.Buffer
	con := console{out: &stdout, err: &stderr, getenv: os.Getenv}
	args := []string{"wiseft", "demo", "--alphas", "0,0.5,1", "--json", "--quiet",
		"-o", filepath.Join(t.TempDir(), "demo")}
	if code := run(t.Context(), args, con); code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var got struct {
		Difference float64 `json:"attached_difference"`
		Result     struct {
			Models []struct {
				ID    string
				Clean struct{ OA float64 }
				Exact struct{ MOA float64 }
			}
			Chosen struct{ ID string }
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		id         string
		clean, moa float64
	}{{"alpha=0", .876, .7831}, {"alpha=0.5", .932, .8135}, {"alpha=1", .920, .7866}}
	if len(got.Result.Models) != len(want) {
		t.Fatalf("%d models, want %d", len(got.Result.Models), len(want))
	}
	const slack = 1.01 / 250
	for i, w := range want {
		m := got.Result.Models[i]
		if m.ID != w.id || math.Abs(m.Clean.OA-w.clean) > slack || math.Abs(m.Exact.MOA-w.moa) > slack {
			t.Errorf("%s: clean %.4f, mOA %.4f; want %s, %.4f, %.4f", m.ID, m.Clean.OA, m.Exact.MOA, w.id, w.clean, w.moa)
		}
	}
	if got.Result.Chosen.ID != "alpha=0.5" {
		t.Errorf("chosen %s, want alpha=0.5: the most robust of those that lose at most a point", got.Result.Chosen.ID)
	}
	if !(got.Difference < 1e-4) { // scores of order 10 in float32
		t.Errorf("the attached model is %g off the probe", got.Difference)
	}
}
