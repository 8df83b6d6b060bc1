package method

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type vectors struct {
	Cases []struct {
		Params Params
		Models [][]string
		Want   []string
	}
}

func floats(t *testing.T, hex []string) []float64 {
	t.Helper()
	out := make([]float64, len(hex))
	for i, h := range hex {
		bits, err := strconv.ParseUint(h, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = math.Float64frombits(bits)
	}
	return out
}

// TestVectors compares every method with numpy. A method without vectors and
// vectors without a method both fail.
func TestVectors(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, path := range paths {
		files = append(files, strings.TrimSuffix(filepath.Base(path), ".json"))
	}
	if !slices.Equal(files, Names()) {
		t.Fatalf("vectors for %v, methods %v", files, Names())
	}
	for i, path := range paths {
		t.Run(files[i], func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var v vectors
			if err := json.Unmarshal(data, &v); err != nil || len(v.Cases) == 0 {
				t.Fatalf("%d cases (%v)", len(v.Cases), err)
			}
			m, err := Lookup(files[i])
			if err != nil {
				t.Fatal(err)
			}
			for n, c := range v.Cases {
				params, err := m.Complete(c.Params)
				if err != nil {
					t.Fatal(err)
				}
				var src [][]float64
				for _, model := range c.Models {
					src = append(src, floats(t, model))
				}
				want := floats(t, c.Want)
				got := make([]float64, len(want))
				m.New(params)(got, src)
				for i := range want {
					same := math.Float64bits(got[i]) == math.Float64bits(want[i])
					if !same && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
						t.Fatalf("case %d, element %d: %g, want %g", n, i, got[i], want[i])
					}
				}
			}
		})
	}
}

func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	linear, err := Lookup("linear")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Params{{"alpha": -0.1}, {"alpha": 1.1}, {"alpha": math.NaN()}, {"beta": 1}} {
		if _, err := linear.Complete(p); err == nil {
			t.Errorf("%v is accepted", p)
		}
	}
	if _, err := Lookup("linaer"); err == nil || !strings.Contains(err.Error(), "linear") {
		t.Errorf("an unknown method gives %v", err)
	}
	if p, err := linear.Complete(nil); err != nil || p["alpha"] != 0.5 {
		t.Errorf("defaults %v (%v)", p, err)
	}
}
