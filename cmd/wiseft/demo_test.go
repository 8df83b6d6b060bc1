package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	benchresult "github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestDemo runs the demo as a newcomer does, and compares what the documents say with its result.
func TestDemo(t *testing.T) {
	lib := orttest.Load(t)
	t.Setenv("WISEFT_ONNXRUNTIME", lib.Path)
	var stdout, stderr bytes.Buffer
	con := console{out: &stdout, err: &stderr, getenv: os.Getenv}
	folder := filepath.Join(t.TempDir(), "demo")
	if code := run(t.Context(), []string{"wiseft", "demo", "--json", "--quiet", "-o", folder}, con); code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var got demoReport
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !(got.Difference < 1e-4) { // scores of order 10 in float32
		t.Errorf("the attached model is %g off the probe", got.Difference)
	}
	t.Run("shows what the method is for", func(t *testing.T) { checkGain(t, got.Result) })
	t.Run("figures of demo/README.md", func(t *testing.T) { checkFigures(t, got.Result) })
	t.Run("what README.md quotes", func(t *testing.T) {
		quoted := regexp.MustCompile(`\nThe chosen alpha [^\n]*\n  mOA[^\n]*\n  accuracy[^\n]*\n`).FindString(fileText(t, "../../README.md"))
		if printed := got.gains(); !alike(quoted, printed) {
			t.Errorf("README.md has %q, the demo prints %q", quoted, printed)
		}
	})
	t.Run("curve.svg", func(t *testing.T) {
		description := regexp.MustCompile(`<desc>.* under corruption`)
		stored := description.FindString(fileText(t, "demo/curve.svg"))
		drawn := description.FindString(fileText(t, filepath.Join(folder, "curve.svg")))
		if stored == "" || !alike(stored, drawn) {
			t.Errorf("the picture of README.md shows %q, the demo's %q", stored, drawn)
		}
	})
	t.Run("printed text", func(t *testing.T) { checkText(t, &got) })
}

// slack is one of the 1,000 test scans, whose class another processor's rounding may change, and the rounding of a
// figure to a tenth of a point, in points.
const slack = 0.1 + 0.05

// checkGain fails unless the alpha chosen on validation scans gains 3 points of mOA over the fine-tuned model, at no
// measurable loss of clean accuracy.
func checkGain(t *testing.T, r *benchresult.Result) {
	t.Helper()
	c := againstFinetuned(r)
	if c == nil {
		t.Fatalf("%s is chosen, and not compared with alpha=1", r.Chosen.ID)
	}
	if c.MOA.Difference < 0.03-0.001 || c.MOA.Interval[0] <= 0 {
		t.Errorf("mOA changes by %.4f, %.4f to %.4f", c.MOA.Difference, c.MOA.Interval[0], c.MOA.Interval[1])
	}
	if c.Clean.Interval[1] < 0 {
		t.Errorf("clean accuracy is lost: %.4f to %.4f", c.Clean.Interval[0], c.Clean.Interval[1])
	}
}

// checkFigures compares the table of demo/README.md with the result: alpha, clean and mOA with a probe and with the own
// head.
func checkFigures(t *testing.T, r *benchresult.Result) {
	t.Helper()
	rows := regexp.MustCompile(`(?m)^\| ([0-9.]+)( repaired)? \| ([0-9.]+) \| ([0-9.]+) \| ([0-9.]+) \| ([0-9.]+) \|$`).
		FindAllStringSubmatch(fileText(t, "demo/README.md"), -1)
	if len(rows) != len(r.Models) {
		t.Fatalf("%d rows of figures, want one for each of %d models", len(rows), len(r.Models))
	}
	for i, m := range r.Models {
		want := []float64{*m.Alpha, 100 * float64(m.Clean.OA), 100 * float64(m.MOA),
			100 * float64(m.OwnHead.Clean.OA), 100 * float64(m.OwnHead.MOA)}
		if (rows[i][2] != "") != m.Repaired {
			t.Errorf("%q, want the row of %s", rows[i][0], m.ID)
		}
		columns := slices.Concat(rows[i][1:2], rows[i][3:])
		for k, w := range want {
			if v, err := strconv.ParseFloat(columns[k], 64); err != nil || math.Abs(v-w) > slack {
				t.Errorf("%q, want %.2f in column %d", rows[i][0], w, k+1)
			}
		}
	}
}

var number = regexp.MustCompile(`[+-]?[0-9]+(\.[0-9]+)?`)

// alike reports whether two texts have the same words, and numbers that differ by slack at most.
func alike(a, b string) bool {
	if number.ReplaceAllString(a, "#") != number.ReplaceAllString(b, "#") {
		return false
	}
	numbersB := number.FindAllString(b, -1)
	for i, x := range number.FindAllString(a, -1) {
		v, errV := strconv.ParseFloat(x, 64)
		w, errW := strconv.ParseFloat(numbersB[i], 64)
		if errV != nil || errW != nil || math.Abs(v-w) > slack {
			return false
		}
	}
	return true
}

// fileText returns the contents of a file.
func fileText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checkText reads what the demo prints: what was done comes first, and what was gained after the table.
func checkText(t *testing.T, r *demoReport) {
	t.Helper()
	var b bytes.Buffer
	if err := r.writeText(&b); err != nil {
		t.Fatal(err)
	}
	for i, part := range []string{"A small network was pre-trained", "own mOA", "The chosen alpha", "Try next:"} {
		at := strings.Index(b.String(), part)
		if at < 0 || i == 0 && at > 0 {
			t.Errorf("%q is at %d of\n%s", part, at, b.String())
		}
	}
}
