package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
)

// contextOfTests is the context of setup, which no test cancels.
var contextOfTests = context.Background()

// Powers of ten in a range of C are exact: 0.001 was 0.0009999999999999998.
func TestParseLogGrid(t *testing.T) {
	t.Parallel()
	got, err := parseLogGrid("1e-6:1e6:13log")
	want := []float64{1e-6, 1e-5, 1e-4, 1e-3, .01, .1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

func TestParseGrid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]float64{
		"0:0.003:1e-3": {0, 0.001, 0.002, 0.003},
		"1e-1:3E-1:.1": {0.1, 0.2, 0.3},
		"0:1:0.25":     {0, 0.25, 0.5, 0.75, 1},
		"0:0.3:0.1":    {0, 0.1, 0.2, 0.3},
		"0,0.5, 1":     {0, 0.5, 1},
		"0.3":          {0.3},
		"0:1:0.4":      {0, 0.4, 0.8},
	} {
		if got, err := parseGrid(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("parseGrid(%q) = %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a", "0:1", "0:1:0", "0:1:-1", "1:0:0.1", "0:1:NaN", "0:1:1e-9", "0,,1", "Inf"} {
		if got, err := parseGrid(text); err == nil {
			t.Errorf("parseGrid(%q) = %v, want an error", text, got)
		}
	}
}

func TestParseSeverities(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int{"1-5": {1, 2, 3, 4, 5}, "3": {3}, "1,4-5": {1, 4, 5}} {
		if got, err := parseSeverities(text, 5); err != nil || !slices.Equal(got, want) {
			t.Errorf("parseSeverities(%q) = %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "6", "3-1", "a", "1-"} {
		if got, err := parseSeverities(text, 5); err == nil {
			t.Errorf("parseSeverities(%q) = %v, want an error", text, got)
		}
	}
}

func TestReorder(t *testing.T) {
	t.Parallel()
	app := newApp(console{getenv: os.Getenv}, nil)
	for line, want := range map[string]string{
		"wiseft merge a b -o c":               "wiseft merge -o c -- a b",
		"wiseft merge a --alpha=0.5 b":        "wiseft merge --alpha=0.5 -- a b",
		"wiseft merge --plan a b":             "wiseft merge --plan -- a b",
		"wiseft merge a -- -b":                "wiseft merge -- a -b",
		"wiseft probe fit f.npz -o p --C 0.1": "wiseft probe fit -o p --C 0.1 -- f.npz",
		"wiseft --version":                    "wiseft --version",
		"wiseft":                              "wiseft",
	} {
		got, _, err := reorder(app, strings.Fields(line), func(string) string { return "" })
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q becomes %q (%v), want %q", line, strings.Join(got, " "), err, want)
		}
	}
	if _, asJSON, err := reorder(app, strings.Fields("wiseft merge a --json --nope"),
		func(string) string { return "" }); err == nil || !asJSON {
		t.Errorf("an unknown flag beside --json: json %v, error %v", asJSON, err)
	}
}

// The README beside the models has the hashes of the files that it describes.
func TestDemoModelsAreTheOnesDescribed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("demo/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"pretrained.onnx": demoPretrained, "finetuned.onnx": demoFinetuned} {
		sum := sha256.Sum256(data)
		if !strings.Contains(string(readme), hex.EncodeToString(sum[:])) {
			t.Errorf("demo/README.md does not have the SHA-256 of %s", name)
		}
		if len(data) > 2<<20 {
			t.Errorf("%s has %d bytes", name, len(data))
		}
	}
}
