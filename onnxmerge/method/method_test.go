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
		Dims   []int64
		Depth  float64
		Models [][]string
		Want   []string
		Ulp    float64 // tolerance in ULP of the largest element
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

// TestVectors compares every method with numpy. A method without vectors and vectors without a method are failures.
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
			for n, c := range v.Cases {
				var src [][]float64
				for _, model := range c.Models {
					src = append(src, floats(t, model))
				}
				want := floats(t, c.Want)
				x := &Tensor{ID: "w", Dims: c.Dims, Depth: c.Depth, Wide: true}
				got, err := run(files[i], c.Params, x, src)
				if err != nil {
					t.Fatal(err)
				}
				unit := ulpOf(want)
				for i := range want {
					same := math.Float64bits(got[i]) == math.Float64bits(want[i]) || math.Abs(got[i]-want[i]) <= c.Ulp*unit
					if !same && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
						t.Fatalf("case %d %v, element %d: %v, want %v", n, c.Params, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// ulpOf returns one ULP of the largest finite magnitude in v.
func ulpOf(v []float64) float64 {
	most := 0.0
	for _, x := range v {
		if a := math.Abs(x); !math.IsInf(a, 0) && !math.IsNaN(a) {
			most = math.Max(most, a)
		}
	}
	return math.Nextafter(most, math.Inf(1)) - most
}

func run(name string, p Params, x *Tensor, src [][]float64) ([]float64, error) {
	m, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	return m.Slices(x, p, src, 0)
}

func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	linear, err := Lookup("linear")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Params{{"alpha": -0.1}, {"alpha": 1.1}, {"alpha": math.NaN()}, {"beta": 1.0}, {"alpha": "much"},
		{"alpha": []float64{1}},
		{"normalize": 1.0}, {"alpha": Gradient{0, 2}}, {"weight": []any{"x"}}} {
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
