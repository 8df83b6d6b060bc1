package probe

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// hexFloat is a float64 written as Python's float.hex does.
type hexFloat float64

func (h *hexFloat) UnmarshalJSON(data []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	*h = hexFloat(v)
	return err
}

// TestSolverVectors compares every solver with optima found in another language
// (scripts/vectors/probe.py). A solver without vectors fails, and so do vectors without
// a solver.
func TestSolverVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(SolverNames()) {
		t.Errorf("got vectors %v for solvers %v", files, SolverNames())
	}
	for _, name := range SolverNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkVectors(t, name)
		})
	}
}

func checkVectors(t *testing.T, solver string) {
	data, err := os.ReadFile(filepath.Join("testdata", solver+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name         string
			Dim, Classes int
			C            float64 `json:"C"`
			X, W, B      []hexFloat
			Y            []int64
			Objective    hexFloat
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		f := &Features{Dim: c.Dim, Y: c.Y}
		for _, v := range c.X {
			f.X = append(f.X, float32(v))
		}
		cl, report := mustFit(t, f, FitOptions{Solver: solver, C: c.C})
		// Tol 1e-6 promises 1e-12 of the objective.
		if gap := report.Objective/float64(c.Objective) - 1; !(math.Abs(gap) <= 1e-11) {
			t.Errorf("%s: objective: got %v, want %v, relative gap %.1e", c.Name, report.Objective, c.Objective, gap)
		}
		// Tol * sqrt(2 f) bounds the weights; intercepts follow them through the features'
		// size, at most 100 here, and all are rounded to float32.
		bound := 1e-6 * math.Sqrt(2*float64(c.Objective))
		for i, w := range c.W {
			checkNear(t, c.Name+": weight", i, cl.Layers[0].W[i], float64(w), bound)
		}
		for i, b := range c.B {
			checkNear(t, c.Name+": intercept", i, cl.Layers[0].B[i], float64(b), 100*bound)
		}
	}
}

func checkNear(t *testing.T, what string, i int, got float32, want, bound float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= bound+1e-7*math.Abs(want)) {
		t.Errorf("%s %d: got %v, want %v", what, i, got, want)
	}
}
