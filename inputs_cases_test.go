package wiseft

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// inputCase returns the path of a file of scripts/files/inputs.py: a model with several inputs, or data for it.
func inputCase(name string) string {
	return filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "cmd", "wiseft", "testdata", "inputs", name)
}

// TestInputsAsOnnxruntime compares the features of models with several inputs, of every type, with those that onnxruntime
// and NumPy give in Python.
func TestInputsAsOnnxruntime(t *testing.T) {
	orttest.Load(t)
	text, err := os.ReadFile(inputCase("cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	type inputsCase struct {
		Model, Data, Tensor, Pool, Mask, Pad string
		Inputs, Constants                    map[string]string
		Half                                 bool // computed in float16
		Idle                                 int  // constants that the tensor does not depend on
		BatchAxis                            int  `json:"batch_axis"`
		Want                                 [][]float64
	}
	var cases []inputsCase
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range slices.Clone(cases) {
		if c.Data == "sentences" { // of several lengths: one at a time, or filled up; with a mask, or without one
			filled, made := c, c
			filled.Pad = "1"
			made.Pad, made.Inputs = "0:attention_mask", map[string]string{"attention_mask": ""}
			cases = append(cases, filled, made)
		}
	}
	for _, c := range cases {
		name := strings.Join([]string{c.Model, c.Data, c.Tensor, c.Pool, c.Constants["state"], c.Pad}, " ")
		for input, value := range c.Constants {
			if strings.HasSuffix(value, ".npy") {
				c.Constants[input] = inputCase(value)
			}
		}
		f, err := ExtractFeatures(t.Context(), inputCase(c.Model), FeaturesOptions{Tensor: c.Tensor,
			Data: Data{Path: inputCase(c.Data), Inputs: c.Inputs, Constants: c.Constants, Pad: c.Pad}, Pool: Pooling{Mode: c.Pool}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p := f.Meta.Pool; c.Mask != "" && (p == nil || p.Mask != c.Mask) {
			t.Errorf("%s: pooled by %v, want the mask %s", name, p, c.Mask)
		}
		if f.Meta.BatchAxis != c.BatchAxis {
			t.Errorf("%s: the samples are along axis %d, want %d", name, f.Meta.BatchAxis, c.BatchAxis)
		}
		if got := f.Meta.Data.Constants; len(got) != len(c.Constants)-c.Idle {
			t.Errorf("%s: the meta has the constants %+v, want %v", name, got, c.Constants)
		}
		if f.Len() != len(c.Want) || f.Dim != len(c.Want[0]) {
			t.Errorf("%s: %d x %d, want %d x %d", name, f.Len(), f.Dim, len(c.Want), len(c.Want[0]))
			continue
		}
		largest, apart := 0.0, 0.0
		for i, row := range c.Want {
			for j, want := range row {
				largest, apart = max(largest, math.Abs(want)), max(apart, math.Abs(float64(f.Row(i)[j])-want))
			}
		}
		limit := 1e-6 // of float32: a few roundings of the largest value
		if c.Half {
			limit = 1e-3 // a rounding of float16
		}
		if !(apart <= limit*max(1, largest)) {
			t.Errorf("%s: differs by %g of %g", name, apart, largest)
		}
	}
}
