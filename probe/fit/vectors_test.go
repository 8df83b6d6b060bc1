package fit

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
)

// hexFloat is a float64 written as Python's float.hex does.
type hexFloat float64

func (h *hexFloat) UnmarshalJSON(data []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	*h = hexFloat(v)
	return err
}

// TestSolverVectors compares every solver with optima found in another language (scripts/vectors/probe.py). A solver
// without vectors fails, and so do vectors without a solver. mlp has many optima and is tested elsewhere.
func TestSolverVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(SolverNames())-1 {
		t.Errorf("got vectors %v for solvers %v", files, SolverNames())
	}
	for _, name := range SolverNames() {
		if name == "mlp" {
			continue
		}
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
		f := &feature.Set{Dim: c.Dim, Y: c.Y}
		for _, v := range c.X {
			f.X = append(f.X, float32(v))
		}
		if solver == "knn" {
			checkNeighborScores(t, c.Name, f, c.W)
			continue
		}
		cl, report := mustFit(t, f, Options{Solver: solver, C: c.C})
		// With Tol 1e-6 the objective is within 1e-12 of the optimum.
		if gap := report.Objective/float64(c.Objective) - 1; !(math.Abs(gap) <= objectiveBound(solver)) {
			t.Errorf("%s: objective: got %v, want %v, relative gap %.1e", c.Name, report.Objective, c.Objective, gap)
		}
		// Tol * sqrt(2 f) bounds the error of the weights; that of intercepts is larger by the size of the features,
		// at most 100 here, and weights are rounded to float32.
		bound := 1e-6 * math.Sqrt(2*float64(c.Objective))
		for i, w := range c.W {
			checkNear(t, c.Name+": weight", i, float64(cl.Layers[0].W[i]), float64(w), bound)
		}
		for i, b := range c.B {
			checkNear(t, c.Name+": intercept", i, cl.Layers[0].B[i], float64(b), 100*bound)
		}
	}
}

func checkNear(t *testing.T, what string, i int, got, want, bound float64) {
	t.Helper()
	if !(math.Abs(got-want) <= bound+1e-7*math.Abs(want)) {
		t.Errorf("%s %d: got %v, want %v", what, i, got, want)
	}
}

// checkNeighborScores compares the shares of the five nearest training rows.
func checkNeighborScores(t *testing.T, name string, f *feature.Set, want []hexFloat) {
	t.Helper()
	cl, _ := mustFit(t, f, Options{Solver: "knn"})
	got := make([]float64, len(want))
	cl.Scores(got, f.X, f.Len())
	for i, w := range want {
		if !(math.Abs(got[i]-float64(w)) <= 1e-12) {
			t.Fatalf("%s: score %d: got %v, want %v", name, i, got[i], w)
		}
	}
}

// objectiveBound is the relative error of the objective that a solver guarantees at Tol 1e-6, and ten times the
// rounding.
func objectiveBound(solver string) float64 {
	if solver == "svc-ovo" {
		return 1e-9 // the duality gap
	}
	return 1e-11
}
